// Command peerload measures transactions and calls a second of a SIP server
// over UDP on loopback, and the CPU time each costs.
//
//	go run ./peerload                               every server, every work
//	go run ./peerload -server sipgo -work call      one of them
//	go run ./peerload -procs 1                      the server on one CPU
//	go run ./peerload -work uacall -server sofia-nua  calls, both ends with the library's user agent
//	go run ./peerload -target 127.0.0.1:5060 -pid 17  a server that runs already; -pid for its CPU time
//
// The server is a process of its own, so that the generator's work is not
// counted as the server's. Figures of one machine and one run may be compared
// with each other and with nothing else.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/gosofia/sofia/interop/peerbench/load"
	"github.com/gosofia/sofia/interop/peerbench/server"
)

func main() {
	names := flag.String("server", strings.Join(server.Names(), ","), "servers to measure, with commas between")
	works := flag.String("work", string(load.Options)+","+string(load.Call)+","+string(load.UACall), "work to measure, with commas between")
	n := flag.Int("n", 20000, "operations to measure")
	warm := flag.Int("warm", 2000, "operations before them")
	outstanding := flag.Int("outstanding", 32, "operations under way at once; over TCP as many connections")
	repeat := flag.Int("repeat", 3, "runs of each")
	procs := flag.Int("procs", 0, "GOMAXPROCS of the server; 0 leaves the default")
	network := flag.String("net", "udp", "with -target: udp, or tcp or tls for a server that answers OPTIONS over that")
	target := flag.String("target", "", "measure what listens here instead of starting a server")
	pid := flag.Int("pid", 0, "with -target: the process whose CPU time is measured")
	profile := flag.String("cpuprofile", "", "write a CPU profile of the server, that of the last run, to this file")
	memory := flag.String("memprofile", "", "the same for a profile of all allocations, each counted; it slows the server down")
	serve := flag.String("serve", "", "be the server of this name until standard input ends")
	flag.Parse()

	err := func() error {
		if *serve != "" {
			return runServer(*serve, *profile, *memory)
		}
		fmt.Println("| server | work | run | done | lost | op/s | CPU µs/op | caller µs/op | p50 | p99 |")
		fmt.Println("|---|---|---|---|---|---|---|---|---|---|")
		list := strings.Split(*names, ",")
		if *target != "" {
			list = []string{*target}
		}
		for work := range strings.SplitSeq(*works, ",") {
			for run := range *repeat {
				// Servers take turns, so that a slow minute of the machine hits all.
				for _, name := range list {
					on := server.Network(name)
					if *target != "" {
						on = *network
					}
					if on != "udp" && load.Work(work) != load.Options {
						continue
					}
					if load.Work(work).Calls() && !server.TakesCalls(name) {
						continue
					}
					cfg := load.Config{Work: load.Work(work), Count: *n, Warm: *warm, Outstanding: *outstanding, Network: on}
					if err := measure(name, *target, *pid, serverConfig{*procs, *profile, *memory}, run+1, cfg); err != nil {
						return fmt.Errorf("%s, %s: %w", name, work, err)
					}
				}
			}
		}
		return nil
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, "peerload:", err)
		os.Exit(1)
	}
}

// measure runs one line of the table.
func measure(name, target string, pid int, child serverConfig, run int, cfg load.Config) error {
	cpu := "-"
	if target != "" {
		var err error
		if cfg.Target, err = netip.ParseAddrPort(target); err != nil {
			return err
		}
		if pid != 0 {
			cfg.CPU = func() (time.Duration, error) { return load.ProcessCPU(pid) }
		}
	} else {
		c, err := startServer(name, child)
		if err != nil {
			return err
		}
		defer c.stop()
		cfg.Target = c.addr
		cfg.CPU = func() (time.Duration, error) { return load.ProcessCPU(c.cmd.Process.Pid) }
	}
	r, err := load.Run(cfg)
	if err != nil {
		return err
	}
	if cfg.CPU != nil {
		cpu = fmt.Sprintf("%.1f", r.CPUPerOp())
	}
	fmt.Printf("| %s | %s | %d | %d | %d | %.0f | %s | %.1f | %v | %v |\n", name, cfg.Work, run, r.Done, r.Lost,
		r.PerSecond(), cpu, r.CallerPerOp(), r.P50.Round(time.Microsecond), r.P99.Round(time.Microsecond))
	return nil
}

// A child is a server in a process of its own. It ends when its standard input
// does, that is with this process at the latest.
type child struct {
	cmd  *exec.Cmd
	in   io.Closer
	addr netip.AddrPort
}

type serverConfig struct {
	procs   int    // GOMAXPROCS; 0 leaves the default
	profile string // file for a CPU profile
	memory  string // file for an allocation profile
}

func startServer(name string, cfg serverConfig) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.Command(self, "-serve", name, "-cpuprofile", cfg.profile, "-memprofile", cfg.memory)}
	if cfg.procs > 0 {
		c.cmd.Env = append(os.Environ(), fmt.Sprintf("GOMAXPROCS=%d", cfg.procs))
	}
	c.cmd.Stderr = os.Stderr
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err == nil {
		c.addr, err = netip.ParseAddrPort(strings.TrimSpace(line))
	}
	if err != nil {
		c.stop()
		return nil, fmt.Errorf("the server did not say where it listens: %w", err)
	}
	return c, nil
}

func (c *child) stop() {
	c.in.Close()
	if err := c.cmd.Wait(); err != nil {
		fmt.Fprintln(os.Stderr, "peerload: server:", err)
	}
}

// runServer serves until standard input ends.
func runServer(name, profile, memory string) (err error) {
	if memory != "" {
		runtime.MemProfileRate = 1 // before anything allocates
		defer func() { err = errors.Join(err, writeAllocs(memory)) }()
	}
	s, err := server.Start(name, netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		return err
	}
	if profile != "" {
		f, err := os.Create(profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	fmt.Println(s.Addr)
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	return s.Close()
}

func writeAllocs(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(pprof.Lookup("allocs").WriteTo(f, 0), f.Close())
}
