package soa_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/sdp"
	"github.com/gosofia/sofia/soa"
)

// lines returns the m= lines of a description, joined.
func lines(text string) string {
	var out []string
	for l := range strings.SplitSeq(text, "\r\n") {
		if strings.HasPrefix(l, "m=") {
			out = append(out, l[2:])
		}
	}
	return strings.Join(out, " | ")
}

const (
	pcmu = "m=audio 5004 RTP/AVP 0\r\n"
	h261 = "m=video 5006 RTP/AVP 31\r\n"
	t140 = "m=text 5008 RTP/AVP 98\r\na=rtpmap:98 t140/1000\r\n"
)

func TestAddRefuseAddAgain(t *testing.T) {
	a, b := session(t, soa.Config{}, pcmu), session(t, soa.Config{}, pcmu)
	call(t, a, b)
	require.NoError(t, a.SetUserText(pcmu+h261))
	o, ans := call(t, a, b)
	require.Equal(t, "audio 5004 RTP/AVP 0 | video 5006 RTP/AVP 31", lines(o))
	require.Equal(t, "audio 5004 RTP/AVP 0 | video 0 RTP/AVP 31", lines(ans))
	require.Equal(t, soa.Rejected, a.ActiveVideo())

	// What was refused is not asked for again by every later offer ...
	o, _ = call(t, a, b)
	require.Equal(t, "audio 5004 RTP/AVP 0 | video 0 RTP/AVP 31", lines(o))
	require.NoError(t, b.SetUserText(pcmu+h261))
	// ... until a user wants it: b, in the slot that is there.
	o, ans = call(t, b, a)
	require.Equal(t, "audio 5004 RTP/AVP 0 | video 5006 RTP/AVP 31", lines(o))
	require.Equal(t, "audio 5004 RTP/AVP 0 | video 5006 RTP/AVP 31", lines(ans))
	require.Equal(t, []soa.Active{soa.SendRecv, soa.SendRecv}, []soa.Active{a.ActiveVideo(), b.ActiveVideo()})
}

func TestRemoveKeepsSlot(t *testing.T) {
	a, b := session(t, soa.Config{}, pcmu+h261), session(t, soa.Config{}, pcmu+h261)
	call(t, a, b)
	require.NoError(t, a.SetUserText(h261))
	o, ans := call(t, a, b)
	require.Equal(t, "audio 0 RTP/AVP 0 | video 5006 RTP/AVP 31", lines(o))
	require.Equal(t, "audio 0 RTP/AVP 0 | video 5006 RTP/AVP 31", lines(ans))
	o, _ = call(t, b, a)
	require.Equal(t, "audio 0 RTP/AVP 0 | video 5006 RTP/AVP 31", lines(o), "b accepts that audio is gone")
	require.Equal(t, soa.Rejected, b.ActiveAudio())
	require.NoError(t, a.SetUserText("v=0\r\no=- 1 1 IN IP4 a\r\ns=-\r\nt=0 0\r\n"))
	o, _ = call(t, a, b)
	require.Equal(t, "audio 0 RTP/AVP 0 | video 0 RTP/AVP 31", lines(o), "never fewer m= lines")
}

func TestReuseRejected(t *testing.T) {
	for reuse, want := range map[bool]string{
		false: "audio 5004 RTP/AVP 0 | video 0 RTP/AVP 31 | text 5008 RTP/AVP 98",
		true:  "audio 5004 RTP/AVP 0 | text 5008 RTP/AVP 98",
	} {
		a, b := session(t, soa.Config{ReuseRejected: reuse}, pcmu+h261), session(t, soa.Config{}, pcmu+t140)
		call(t, a, b)
		require.NoError(t, a.SetUserText(pcmu+t140))
		o, ans := call(t, a, b)
		require.Equal(t, want, lines(o))
		require.Equal(t, want, lines(ans))
		require.Equal(t, soa.SendRecv, b.ActiveMedia("text"))
	}
}

// The peer changes what a slot carries (RFC 3264 section 8.3.3) and moves a
// kind of media to another slot.
func TestPeerChangesSlots(t *testing.T) {
	s := session(t, soa.Config{}, pcmu+h261)
	answer(t, s, remote("m=audio 9 RTP/AVP 0\r\nm=text 9 RTP/AVP 98\r\n"))
	require.Equal(t, "audio 5004 RTP/AVP 0 | video 5006 RTP/AVP 31", lines(answer(t, s, remote("m=audio 9 RTP/AVP 0\r\nm=video 9 RTP/AVP 31\r\n"))))
	require.Equal(t, "video 0 RTP/AVP 31 | audio 5004 RTP/AVP 0 | video 5006 RTP/AVP 31",
		lines(answer(t, s, remote("m=video 0 RTP/AVP 31\r\nm=audio 9 RTP/AVP 0\r\nm=video 9 RTP/AVP 31\r\n"))))
	require.Equal(t, "video 0 RTP/AVP 31 | audio 5004 RTP/AVP 0 | video 5006 RTP/AVP 31", lines(offer(t, s)))
}

// In a call that the peer began, a later offer adds nothing the peer did not
// ask for, unless the user asks since, even if the peer's offer came between.
func TestLateTemplate(t *testing.T) {
	s := session(t, soa.Config{}, pcmu+h261)
	audioOnly := remote("m=audio 9 RTP/AVP 0\r\n")
	answer(t, s, audioOnly)
	require.Equal(t, "audio 5004 RTP/AVP 0", lines(offer(t, s)))
	s.Rollback()
	require.NoError(t, s.SetUserText(pcmu+h261))
	answer(t, s, audioOnly)
	require.Equal(t, "audio 5004 RTP/AVP 0 | video 5006 RTP/AVP 31", lines(offer(t, s)))
}

// The peer invites without offer: ours goes in the response, its answer comes
// in the ACK. In a call, such an offer shows all that we can do (RFC 3261
// section 14.2).
func TestOfferless(t *testing.T) {
	a, b := session(t, soa.Config{}, audio+h261), session(t, soa.Config{}, audio)
	o := offer(t, b)
	require.Equal(t, "audio 5004 RTP/AVP 8 0 101", lines(o))
	require.NoError(t, b.SetAnswer(t.Context(), answer(t, a, o)))
	require.Equal(t, soa.SendRecv, b.ActiveAudio())

	require.Equal(t, "audio 5004 RTP/AVP 8 101", lines(offer(t, a)), "a refresh repeats what was negotiated")
	a.Rollback()
	a.Renew()
	o = offer(t, a)
	require.Equal(t, "audio 5004 RTP/AVP 8 0 101 | video 5006 RTP/AVP 31", lines(o))
	require.NoError(t, a.SetAnswer(t.Context(), answer(t, b, o)))
	require.Equal(t, "audio 5004 RTP/AVP 8 0 101 | video 0 RTP/AVP 31", lines(offer(t, a)), "Renew is for one offer")
}

// O04: a payload type keeps the meaning it had on its m= line, in all that we
// say; we take over the numbers of the peer.
func TestPayloadMeaning(t *testing.T) {
	s := session(t, soa.Config{Select: soa.SelectCommon},
		"m=audio 5004 RTP/AVP 96 97\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:97 iLBC/8000\r\n")
	got := answer(t, s, remote("m=audio 9 RTP/AVP 97 98\r\na=rtpmap:97 opus/48000/2\r\na=rtpmap:98 iLBC/8000\r\n"))
	require.Equal(t, "audio 5004 RTP/AVP 97 98", lines(got))
	// The template's 97 means iLBC, but on this line 97 is opus for good.
	require.NoError(t, s.SetUserText("m=audio 5004 RTP/AVP 97 96 99\r\na=rtpmap:97 iLBC/8000\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:99 speex/8000\r\n"))
	require.Contains(t, offer(t, s), "m=audio 5004 RTP/AVP 98 97 99\r\na=rtpmap:98 iLBC/8000\r\na=rtpmap:97 opus/48000/2\r\na=rtpmap:99 speex/8000\r\n")
	// The peer answers with numbers of its own for what we offered.
	require.NoError(t, s.SetAnswer(t.Context(), remote("m=audio 9 RTP/AVP 110\r\na=rtpmap:110 speex/8000\r\n")))
	require.Equal(t, []sdp.Codec{{Payload: 110, Name: "speex", Clock: 8000}}, s.Active()[0].Codecs, "we send with the peer's number")
	s.Activate()
	require.NoError(t, s.SetUserText("m=audio 5004 RTP/AVP 110\r\na=rtpmap:110 G726-32/8000\r\n"))
	require.Contains(t, offer(t, s), "m=audio 5004 RTP/AVP 96\r\na=rtpmap:96 G726-32/8000\r\n", "110 is taken, 96 never was used here")
	s.Rollback()
	// A second stream has meanings of its own.
	require.NoError(t, s.SetUserText("m=audio 5004 RTP/AVP 99\r\na=rtpmap:99 speex/8000\r\nm=audio 5006 RTP/AVP 97\r\na=rtpmap:97 iLBC/8000\r\n"))
	require.Equal(t, "audio 5004 RTP/AVP 99 | audio 5006 RTP/AVP 97", lines(offer(t, s)))
}

// A peer that gives a new codec the number of another in each offer neither
// fills memory nor runs us out of numbers with a panic.
func TestPayloadChurn(t *testing.T) {
	s := session(t, soa.Config{}, "m=audio 5004 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\n")
	for i := range 100 {
		var b strings.Builder
		b.WriteString("m=audio 9 RTP/AVP 96 97 98 99 100 101 102\r\na=rtpmap:96 opus/48000/2\r\n")
		for pt := 97; pt <= 102; pt++ {
			b.WriteString("a=rtpmap:" + strconv.Itoa(pt) + " x" + strconv.Itoa(i*10+pt) + "/8000\r\n")
		}
		answer(t, s, remote(b.String()))
	}
	require.Equal(t, "audio 5004 RTP/AVP 96", lines(offer(t, s)))
}

func TestTwoStreamsOfAKind(t *testing.T) {
	two := pcmu + "m=audio 6000 RTP/AVP 0\r\n"
	a, b := session(t, soa.Config{}, two), session(t, soa.Config{}, two)
	call(t, a, b)
	// The template drops the first; the second keeps its slot, told by its port.
	require.NoError(t, a.SetUserText("m=audio 6000 RTP/AVP 0\r\n"))
	o, ans := call(t, a, b)
	require.Equal(t, "audio 0 RTP/AVP 0 | audio 6000 RTP/AVP 0", lines(o))
	require.Equal(t, "audio 0 RTP/AVP 0 | audio 6000 RTP/AVP 0", lines(ans))
}

// RFC 3261 section 14.1: an exchange that fails leaves all as it was.
func TestRollback(t *testing.T) {
	type snapshot struct {
		state         soa.State
		local, remote string
		active        []soa.MediaState
		next          string // what the session would offer
	}
	take := func(s *soa.Session) snapshot {
		t.Helper()
		snap := snapshot{state: s.State(), local: s.Local().String(), remote: s.Remote().String(), active: s.Active()}
		snap.next = offer(t, s)
		s.Rollback()
		return snap
	}
	s := session(t, soa.Config{}, audio+video)
	s.Rollback()
	require.Equal(t, soa.Idle, s.State())
	_ = offer(t, s)
	s.Rollback()
	require.Equal(t, soa.Idle, s.State())
	require.Nil(t, s.Local())

	answer(t, s, remote("m=audio 9 RTP/AVP 0 99\r\na=rtpmap:99 telephone-event/8000\r\nm=video 9 RTP/AVP 99\r\na=rtpmap:99 VP8/90000\r\n"))
	s.Activate()
	s.Rollback() // too late
	require.Equal(t, soa.Complete, s.State())
	want := take(s)
	require.Contains(t, want.next, "m=video 5006 RTP/AVP 99\r\na=rtpmap:99 VP8/90000\r\na=rtcp-fb:99 nack\r\na=rtcp-fb:* ccm fir\r\n")

	same := func(what string) {
		t.Helper()
		require.Equal(t, want, take(s), what)
	}
	// Our offer, refused.
	s.Hold("*")
	offer(t, s)
	s.Activate() // an open offer is not complete
	s.Rollback()
	s.Hold("")
	same("our offer")
	// Our offer, answered in a reliable 183, and then the re-INVITE fails.
	s.Hold("#")
	offer(t, s)
	require.NoError(t, s.SetAnswer(t.Context(), remote("m=audio 9 RTP/AVP 0\r\nm=video 0 RTP/AVP 99\r\n")))
	require.Equal(t, soa.Rejected, s.ActiveVideo())
	s.Rollback()
	s.Hold("")
	same("our offer with its answer")
	// The peer's offer, refused before and after the answer was made.
	change := remote("m=text 9 RTP/AVP 98\r\nm=audio 9 RTP/AVP 8 97\r\na=rtpmap:97 telephone-event/8000\r\nm=video 9 RTP/AVP 31\r\n")
	require.NoError(t, s.SetRemote(change))
	s.Rollback()
	same("the peer's offer")
	answer(t, s, change)
	s.Rollback()
	same("the peer's offer with our answer")
	// A bad answer.
	offer(t, s)
	require.Error(t, s.SetAnswer(t.Context(), remote("")))
	s.Rollback()
	same("a bad answer")
	s.Rollback()
	same("twice")
}

func TestCapabilities(t *testing.T) {
	s := session(t, soa.Config{}, "")
	_, err := s.Capabilities()
	require.ErrorIs(t, err, soa.ErrNoUser)
	require.NoError(t, s.SetUserText(audio+"a=sendonly\r\n"+h261))
	text, err := s.Capabilities()
	require.NoError(t, err)
	require.Equal(t, "m=audio 0 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"+
		"a=fmtp:101 0-15\r\na=ptime:20\r\na=sendonly\r\nm=video 0 RTP/AVP 31\r\na=rtpmap:31 H261/90000\r\n", media(text))
	require.Equal(t, soa.Idle, s.State())
	require.Nil(t, s.Local())
}

// The descriptions that a session hands out are copies.
func TestCopies(t *testing.T) {
	user, err := sdp.Parse(remote(audio))
	require.NoError(t, err)
	s := session(t, soa.Config{}, "")
	require.NoError(t, s.SetUser(user))
	user.Media[0].Port, user.Media[0].Formats[0] = 1, "3"
	o := offer(t, s)
	require.Contains(t, o, "m=audio 5004 RTP/AVP 8 0 101\r\n")
	s.Local().Media[0].Port = 1
	require.NoError(t, s.SetAnswer(t.Context(), remote("m=audio 9 RTP/AVP 0\r\n")))
	s.Remote().Media[0].Port = 1
	s.Active()[0].Codecs[0].Payload = 9
	require.Equal(t, 9, s.Active()[0].RemotePort)
	require.Equal(t, 0, s.Active()[0].Codecs[0].Payload)
	require.Equal(t, o, s.Local().String())
}
