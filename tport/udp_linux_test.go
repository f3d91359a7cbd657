package tport

import (
	"encoding/binary"
	"net/netip"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// cmsg makes a control message as the system does.
func cmsg(level, kind int, data []byte) []byte {
	b := make([]byte, syscall.CmsgSpace(len(data)))
	word := syscall.SizeofCmsghdr - 8
	if word == 8 {
		binary.NativeEndian.PutUint64(b, uint64(syscall.CmsgLen(len(data))))
	} else {
		binary.NativeEndian.PutUint32(b, uint32(syscall.CmsgLen(len(data))))
	}
	binary.NativeEndian.PutUint32(b[word:], uint32(level))
	binary.NativeEndian.PutUint32(b[word+4:], uint32(kind))
	copy(b[syscall.CmsgLen(0):], data)
	return b
}

// extended is a struct sock_extended_err.
func extendedError(errno syscall.Errno, origin, kind, code byte, info uint32) []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(errno))
	b = append(b, origin, kind, code, 0)
	b = binary.NativeEndian.AppendUint32(b, info)
	return binary.NativeEndian.AppendUint32(b, 0)
}

// RFC 3261 section 18.4: what says that a peer cannot be reached is told, and
// nothing else that ICMP knows.
func TestExtendedError(t *testing.T) {
	for name, row := range map[string]struct {
		level, kind int
		data        []byte
		want        networkError
	}{
		"net":        {syscall.IPPROTO_IP, syscall.IP_RECVERR, extendedError(syscall.ENETUNREACH, 2, 3, 0, 0), networkError{err: syscall.ENETUNREACH}},
		"host":       {syscall.IPPROTO_IP, syscall.IP_RECVERR, extendedError(syscall.EHOSTUNREACH, 2, 3, 1, 0), networkError{err: syscall.EHOSTUNREACH}},
		"protocol":   {syscall.IPPROTO_IP, syscall.IP_RECVERR, extendedError(syscall.ENOPROTOOPT, 2, 3, 2, 0), networkError{err: syscall.ENOPROTOOPT}},
		"port":       {syscall.IPPROTO_IP, syscall.IP_RECVERR, extendedError(syscall.ECONNREFUSED, 2, 3, 3, 0), networkError{err: syscall.ECONNREFUSED}},
		"frag":       {syscall.IPPROTO_IP, syscall.IP_RECVERR, extendedError(syscall.EMSGSIZE, 2, 3, 4, 1280), networkError{err: ErrTooLarge, mtu: 1280}},
		"own":        {syscall.IPPROTO_IP, syscall.IP_RECVERR, extendedError(syscall.EMSGSIZE, 1, 0, 0, 1400), networkError{err: ErrTooLarge, mtu: 1400, own: true}},
		"prohibited": {syscall.IPPROTO_IP, syscall.IP_RECVERR, extendedError(syscall.EHOSTUNREACH, 2, 3, 13, 0), networkError{}},
		"quench":     {syscall.IPPROTO_IP, syscall.IP_RECVERR, extendedError(0, 2, 4, 0, 0), networkError{}},
		"ttl":        {syscall.IPPROTO_IP, syscall.IP_RECVERR, extendedError(syscall.EHOSTUNREACH, 2, 11, 0, 0), networkError{}},
		"v6 route":   {syscall.IPPROTO_IPV6, syscall.IPV6_RECVERR, extendedError(syscall.ENETUNREACH, 3, 1, 0, 0), networkError{err: syscall.ENETUNREACH}},
		"v6 admin":   {syscall.IPPROTO_IPV6, syscall.IPV6_RECVERR, extendedError(syscall.EACCES, 3, 1, 1, 0), networkError{}},
		"v6 address": {syscall.IPPROTO_IPV6, syscall.IPV6_RECVERR, extendedError(syscall.EHOSTUNREACH, 3, 1, 3, 0), networkError{err: syscall.EHOSTUNREACH}},
		"v6 port":    {syscall.IPPROTO_IPV6, syscall.IPV6_RECVERR, extendedError(syscall.ECONNREFUSED, 3, 1, 4, 0), networkError{err: syscall.ECONNREFUSED}},
		"v6 big":     {syscall.IPPROTO_IPV6, syscall.IPV6_RECVERR, extendedError(syscall.EMSGSIZE, 3, 2, 0, 1280), networkError{err: ErrTooLarge, mtu: 1280}},
		"other":      {syscall.SOL_SOCKET, 1, extendedError(syscall.ECONNREFUSED, 2, 3, 3, 0), networkError{}},
		"short":      {syscall.IPPROTO_IP, syscall.IP_RECVERR, []byte{1, 2, 3}, networkError{}},
	} {
		var e networkError
		e.extended(cmsg(row.level, row.kind, row.data))
		require.Equal(t, row.want, e, name)
	}
}

func TestPacketInfo(t *testing.T) {
	info4 := append(binary.NativeEndian.AppendUint32(nil, 1), 192, 0, 2, 1, 192, 0, 2, 255)
	broadcast := incoming{to: netip.MustParseAddr("192.0.2.255"), local: netip.MustParseAddr("192.0.2.1")}
	mapped := netip.MustParseAddr("::ffff:192.0.2.255").As16()
	info6 := binary.NativeEndian.AppendUint32(mapped[:], 1)
	group := netip.MustParseAddr("ff05::1").As16()
	one := netip.MustParseAddr("2001:db8::1")
	unicast := one.As16()
	v4 := cmsg(syscall.IPPROTO_IP, syscall.IP_PKTINFO, info4)
	v6 := cmsg(syscall.IPPROTO_IPV6, syscall.IPV6_PKTINFO, info6)
	for name, row := range map[string]struct {
		oob  []byte
		want incoming
	}{
		"v4":      {v4, broadcast},
		"v4, v6":  {append(v4[:len(v4):len(v4)], v6...), broadcast}, // the first tells more
		"v6, v4":  {append(v6[:len(v6):len(v6)], v4...), broadcast},
		"group":   {cmsg(syscall.IPPROTO_IPV6, syscall.IPV6_PKTINFO, append(group[:], 1, 0, 0, 0)), incoming{to: netip.AddrFrom16(group)}},
		"unicast": {cmsg(syscall.IPPROTO_IPV6, syscall.IPV6_PKTINFO, append(unicast[:], 1, 0, 0, 0)), incoming{to: one, local: one}},
		"none":    {nil, incoming{}},
		"cut":     {v4[:len(v4)-5], incoming{}},
	} {
		var a incoming
		packetInfo{}.parse(row.oob, &a, new(zoneNames))
		require.Equal(t, row.want, a, name)
	}
}

// Nothing in control messages reads beyond them, and reading them ends.
func FuzzControl(f *testing.F) {
	f.Add(cmsg(syscall.IPPROTO_IP, syscall.IP_PKTINFO, make([]byte, 12)))
	f.Add(cmsg(syscall.IPPROTO_IPV6, syscall.IPV6_PKTINFO, make([]byte, 20)))
	f.Add(cmsg(syscall.IPPROTO_IP, syscall.IP_RECVERR, extendedError(syscall.ECONNREFUSED, 2, 3, 3, 0)))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, oob []byte) {
		var a incoming
		packetInfo{}.parse(oob, &a, new(zoneNames))
		var e networkError
		e.extended(oob)
		for rest := oob; ; {
			_, _, data, next, ok := nextControl(rest)
			if !ok {
				break
			}
			if len(next) >= len(rest) || len(data) > len(rest) {
				t.Fatalf("%d octets of data and %d left of %d", len(data), len(next), len(rest))
			}
			rest = next
		}
	})
}
