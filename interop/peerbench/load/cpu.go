package load

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// ProcessCPU returns the CPU time that all threads of a process have used, to
// the nanosecond, from /proc/PID/task/*/schedstat. Threads that have ended are
// not counted; a Go program keeps its threads.
func ProcessCPU(pid int) (time.Duration, error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil {
		return 0, err
	}
	if len(files) == 0 {
		return 0, fmt.Errorf("load: no schedstat for process %d; it takes Linux with CONFIG_SCHED_INFO", pid)
	}
	var sum time.Duration
	for _, f := range files {
		text, err := os.ReadFile(f)
		if errors.Is(err, os.ErrNotExist) {
			continue // the thread has just ended
		}
		if err != nil {
			return 0, err
		}
		// "running waiting slices", the first in nanoseconds.
		var running int64
		if _, err := fmt.Fscan(strings.NewReader(string(text)), &running); err != nil {
			return 0, fmt.Errorf("load: %s: %w", f, err)
		}
		sum += time.Duration(running)
	}
	return sum, nil
}
