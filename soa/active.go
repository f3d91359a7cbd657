package soa

import (
	"strings"

	"github.com/gosofia/sofia/sdp"
)

// Active tells what became of a stream or of all streams of a media type, as
// seen from our side.
type Active int8

// The values of Active. Those from 0 on are a set of two bits: 1, we send; 2,
// we receive.
const (
	Rejected Active = -8 // refused, removed, or not in the session
	Inactive Active = 0
	SendOnly Active = 1
	RecvOnly Active = 2
	SendRecv Active = 3
)

// String returns rejected, inactive, sendonly, recvonly or sendrecv.
func (a Active) String() string {
	if a < 0 {
		return "rejected"
	}
	return sdp.Direction(a).String()
}

// MediaState is the outcome of the last complete exchange for one m= line.
type MediaState struct {
	Type   string // media type, such as audio
	Active Active
	Codecs []sdp.Codec // what we may send, with the peer's payload types, best first; nil if refused or not RTP
	// Remote is where the peer receives: the address of its c= line, and its
	// port. It is 0.0.0.0 or :: if the peer wants nothing, RTCP included (RFC
	// 3264 section 8.4).
	Remote     sdp.Connection
	RemotePort int
}

// Active returns the outcome of the last complete exchange, one entry for each
// m= line, in order. It is nil before the first.
func (s *Session) Active() []MediaState {
	if s.now.agreed == nil {
		return nil
	}
	out := make([]MediaState, len(s.now.agreed))
	copy(out, s.now.agreed)
	for i := range out {
		out[i].Codecs = append([]sdp.Codec(nil), out[i].Codecs...)
	}
	return out
}

// ActiveAudio returns the state of audio: that of all audio streams together.
func (s *Session) ActiveAudio() Active { return s.ActiveMedia("audio") }

// ActiveVideo returns the state of video: that of all video streams together.
func (s *Session) ActiveVideo() Active { return s.ActiveMedia("video") }

// ActiveMedia returns the state of a media type: what any of its streams does,
// or Rejected if there is none that is not refused.
func (s *Session) ActiveMedia(mediaType string) Active {
	out := Rejected
	for _, m := range s.now.agreed {
		if !strings.EqualFold(m.Type, mediaType) || m.Active == Rejected {
			continue
		}
		if out == Rejected {
			out = Inactive
		}
		out |= m.Active
	}
	return out
}

// agree computes the outcome for one m= line from both descriptions of a
// complete exchange.
func (s *Session) agree(i int, local, remote *sdp.Description, refused bool) MediaState {
	l, r := &local.Media[i], &remote.Media[i]
	st := MediaState{Type: l.Type, Active: Rejected}
	if refused || l.Port == 0 || r.Port == 0 {
		return st
	}
	conn, _ := r.Connection(remote)
	st.Remote, st.RemotePort = conn, r.Port
	dir := effective(l, local) // we may be the ones without an address yet
	if group, _ := l.Connection(local); conn.IsMulticast() && group.IsMulticast() {
		dir = l.Direction(local)
	} else {
		dir &= effective(r, remote).Reverse()
	}
	st.Active = Active(dir)
	ours := l.Codecs()
	for _, c := range r.Codecs() {
		if indexSame(ours, c) >= 0 {
			st.Codecs = append(st.Codecs, c)
		}
	}
	return st
}

// effective is the direction of a stream, in which the address 0.0.0.0
// or :: counts as not receiving (RFC 3264 section 8.4).
func effective(m *sdp.Media, d *sdp.Description) sdp.Direction {
	dir := m.Direction(d)
	if conn, ok := m.Connection(d); ok && conn.IsUnspecified() {
		dir &^= sdp.RecvOnly
	}
	return dir
}
