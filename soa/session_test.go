package soa_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/sdp"
	"github.com/gosofia/sofia/soa"
)

const (
	audio = "m=audio 5004 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\n"
	video = "m=video 5006 RTP/AVP 96 31\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:* ccm fir\r\n"
)

func session(t testing.TB, cfg soa.Config, template string) *soa.Session {
	t.Helper()
	if cfg.Address == "" {
		cfg.Address = "192.0.2.7"
	}
	s := soa.New(cfg)
	if template != "" {
		require.NoError(t, s.SetUserText(template))
	}
	return s
}

// remote is a peer's description with the given m= sections.
func remote(media string) string {
	return "v=0\r\no=peer 77 1 IN IP4 198.51.100.9\r\ns=-\r\nc=IN IP4 198.51.100.9\r\nt=0 0\r\n" + media
}

// media returns what a description has after its first m=, "" if none.
func media(text string) string {
	if i := strings.Index(text, "m="); i >= 0 {
		return text[i:]
	}
	return ""
}

func offer(t testing.TB, s *soa.Session) string {
	t.Helper()
	text, err := s.Offer(t.Context())
	require.NoError(t, err)
	return text
}

func answer(t testing.TB, s *soa.Session, text string) string {
	t.Helper()
	out, err := s.Answer(t.Context(), text)
	require.NoError(t, err)
	checkAnswer(t, text, out, false)
	return out
}

// call completes an exchange in which a offers to b.
func call(t testing.TB, a, b *soa.Session) (o, ans string) {
	t.Helper()
	o = offer(t, a)
	ans = answer(t, b, o)
	require.NoError(t, a.SetAnswer(t.Context(), ans))
	a.Activate()
	b.Activate()
	return o, ans
}

func version(t testing.TB, text string) uint64 {
	t.Helper()
	d, err := sdp.Parse(text)
	require.NoError(t, err)
	return d.Origin.Version
}

func fails(t testing.TB, err error, want error, status, warn int) {
	t.Helper()
	require.ErrorIs(t, err, want)
	var e *soa.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, status, e.Status())
	require.Equal(t, warn, e.WarnCode())
	require.Equal(t, warn != 0, e.Warning() != "")
	require.NotEmpty(t, e.Op)
}

func TestFirstOffer(t *testing.T) {
	s := session(t, soa.Config{Rand: bytes.NewReader(bytes.Repeat([]byte{0xff}, 8))}, audio+"a=recvonly\r\n")
	require.Equal(t, soa.Idle, s.State())
	require.Nil(t, s.Local())
	require.Nil(t, s.Remote())
	require.Nil(t, s.Active())
	require.Equal(t, "v=0\r\n"+
		"o=- 4611686018427387903 1 IN IP4 192.0.2.7\r\n"+ // 62 bits: RFC 3264 section 5
		"s=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n"+
		"m=audio 5004 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"+
		"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=recvonly\r\n", offer(t, s))
	require.Equal(t, soa.OfferSent, s.State())
	require.NotNil(t, s.Local())
}

func TestTemplateSessionPart(t *testing.T) {
	s := soa.New(soa.Config{})
	require.NoError(t, s.SetUserText("v=0\no=me 5 9 IN IP6 2001:db8::1\ns=talk\nc=IN IP6 2001:db8::2\nb=AS:99\nt=0 0\na=tool:x\na=inactive\n"+audio))
	require.Equal(t, "v=0\r\no=me 5 9 IN IP6 2001:db8::1\r\ns=talk\r\nc=IN IP6 2001:db8::2\r\nb=AS:99\r\nt=0 0\r\na=tool:x\r\n"+
		"m=audio 5004 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"+
		"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=inactive\r\n", offer(t, s))

	s = soa.New(soa.Config{})
	require.NoError(t, s.SetUserText("m=audio 5004 RTP/AVP 0\nc=IN IP4 192.0.2.9\n"))
	require.Contains(t, offer(t, s), " 1 IN IP4 192.0.2.9\r\ns=-\r\nt=0 0\r\nm=audio 5004 RTP/AVP 0\r\nc=IN IP4 192.0.2.9\r\n")

	s = soa.New(soa.Config{Address: "2001:db8::7"})
	require.NoError(t, s.SetUserText("s=x\nm=audio 5004 RTP/AVP 0\n"))
	require.Contains(t, offer(t, s), " 1 IN IP6 2001:db8::7\r\ns=x\r\nc=IN IP6 2001:db8::7\r\n")
}

func TestBadTemplate(t *testing.T) {
	for _, text := range []string{
		"m=audio 5004 RTP/AVP 96\r\n",                             // no rtpmap
		"m=audio 5004 RTP/AVP 96\r\na=rtpmap:96 X/0\r\n",          // clock rate 0
		"m=audio 5004 RTP/AVP 128\r\n",                            // payload type
		"m=audio 5004 RTP/AVP 0 0\r\n",                            // twice
		"m=audio 65536 RTP/AVP 0\r\n",                             // port
		"m=audio 5004 RTP/AVP 0\r\na=ptime:0\r\n",                 // ptime
		"o=- 9223372036854775808 1 IN IP4 a\nm=audio 1 RTP/AVP 0", // 64 bits
		"o=- 1 4611686018427387903 IN IP4 a\nm=audio 1 RTP/AVP 0", // 2^62-1
		"q=1\r\n",
	} {
		s := session(t, soa.Config{}, "")
		fails(t, s.SetUserText(text), soa.ErrBadUser, 500, 0)
		_, err := s.Offer(t.Context())
		fails(t, err, soa.ErrNoUser, 500, 0)
	}
	s := session(t, soa.Config{}, "")
	var e *sdp.SyntaxError
	require.ErrorAs(t, s.SetUserText("m=audio 1 RTP/AVP 0\r\nq=1\r\n"), &e)
	require.Equal(t, 2, e.Line, "lines count from the user's text")
	fails(t, s.SetUser(nil), soa.ErrNoUser, 500, 0)
	fails(t, s.SetUser(&sdp.Description{Name: "a\r\nb"}), soa.ErrBadUser, 500, 0)
}

func TestAnswers(t *testing.T) {
	both := "m=audio 5004 RTP/AVP 0 8\r\nm=video 5006 RTP/AVP 31\r\n"
	for name, c := range map[string]struct {
		cfg      soa.Config
		template string
		offer    string
		want     string // media of the answer
	}{
		"single, order of the offer, auxiliary kept, numbers of the offer": {
			template: audio,
			offer:    "m=audio 9 RTP/AVP 3 0 8 100\r\na=rtpmap:100 TELEPHONE-event/8000\r\na=fmtp:100 0-16\r\n",
			want:     "m=audio 5004 RTP/AVP 0 100\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:100 TELEPHONE-event/8000\r\na=fmtp:100 0-15\r\na=ptime:20\r\n",
		},
		"common": {
			cfg: soa.Config{Select: soa.SelectCommon}, template: both,
			offer: "m=audio 9 RTP/AVP 3 0 8\r\n",
			want:  "m=audio 5004 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n",
		},
		"all, with own numbers out of the offer's way": {
			cfg:      soa.Config{Select: soa.SelectAll},
			template: "m=audio 5004 RTP/AVP 0 96 97\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:97 iLBC/8000\r\n",
			offer:    "m=audio 9 RTP/AVP 97 0\r\na=rtpmap:97 opus/48000/2\r\n",
			want:     "m=audio 5004 RTP/AVP 97 0 96\r\na=rtpmap:97 opus/48000/2\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:96 iLBC/8000\r\n",
		},
		"local order": {
			cfg: soa.Config{Sort: soa.SortLocal}, template: both,
			offer: "m=audio 9 RTP/AVP 8 0\r\n",
			want:  "m=audio 5004 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n",
		},
		"default order of what we only receive is ours": {
			template: both,
			offer:    "m=audio 9 RTP/AVP 8 0\r\na=sendonly\r\n",
			want:     "m=audio 5004 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=recvonly\r\n",
		},
		"remote order always": {
			cfg: soa.Config{Sort: soa.SortRemote}, template: both,
			offer: "m=audio 9 RTP/AVP 8 0\r\na=sendonly\r\n",
			want:  "m=audio 5004 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=recvonly\r\n",
		},
		"static type by its rtpmap, dynamic by the static's name": {
			template: "m=audio 5004 RTP/AVP 0\r\n",
			offer:    "m=audio 9 RTP/AVP 0 99\r\na=rtpmap:0 speex/8000\r\na=rtpmap:99 pcmu/8000\r\n",
			want:     "m=audio 5004 RTP/AVP 99\r\na=rtpmap:99 pcmu/8000\r\n",
		},
		"clock rate and channels matter": {
			template: "m=audio 5004 RTP/AVP 96 11\r\na=rtpmap:96 speex/16000\r\n",
			offer:    "m=audio 9 RTP/AVP 97 98 10 11\r\na=rtpmap:97 speex/8000\r\na=rtpmap:98 speex/16000/2\r\n",
			want:     "m=audio 5004 RTP/AVP 11\r\na=rtpmap:11 L16/44100\r\n",
		},
		"parameters join two configurations of a codec, the offer's stay if we have none": {
			cfg:      soa.Config{Select: soa.SelectCommon},
			template: "m=video 5006 RTP/AVP 96 97\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=rtcp-fb:96 nack\r\na=rtpmap:97 VP8/90000\r\na=rtcp-fb:97 ccm fir\r\na=rtcp-fb:* nack pli\r\n",
			offer:    "m=video 9 RTP/AVP 100 101 102\r\na=rtpmap:100 H264/90000\r\na=rtpmap:101 H264/90000\r\na=fmtp:101 packetization-mode=1\r\na=rtpmap:102 VP8/90000\r\na=fmtp:102 max-fr=30\r\n",
			want:     "m=video 5006 RTP/AVP 101 102\r\na=rtpmap:101 H264/90000\r\na=fmtp:101 packetization-mode=1\r\na=rtpmap:102 VP8/90000\r\na=fmtp:102 max-fr=30\r\na=rtcp-fb:101 nack\r\na=rtcp-fb:102 ccm fir\r\na=rtcp-fb:* nack pli\r\n",
		},
		"unknown media, protocol and formats are refused in place": {
			template: both,
			offer:    "m=hologram 9 RTP/AVP 0 8\r\nm=audio 9 RTP/SAVP 0\r\nm=application 9 UDP/BFCP *\r\na=floorctrl:c-s\r\nm=audio 9 RTP/AVP 96\r\nm=video 9 RTP/AVP 31\r\nm=audio 9 RTP/AVP 8\r\nm=audio 0 RTP/AVP\r\n",
			want:     "m=hologram 0 RTP/AVP 0\r\nm=audio 0 RTP/SAVP 0\r\nm=application 0 UDP/BFCP *\r\nm=audio 0 RTP/AVP 96\r\nm=video 5006 RTP/AVP 31\r\na=rtpmap:31 H261/90000\r\nm=audio 5004 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\nm=audio 0 RTP/AVP 0\r\n",
		},
		"second stream of a kind that the template has once": {
			template: both,
			offer:    "m=audio 9 RTP/AVP 0\r\nm=audio 11 RTP/AVP 0\r\n",
			want:     "m=audio 5004 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\nm=audio 0 RTP/AVP 0\r\n",
		},
		"template refuses video": {
			template: "m=audio 5004 RTP/AVP 0 8\r\nm=video 0 RTP/AVP 31\r\n",
			offer:    "m=video 9 RTP/AVP 31\r\nm=audio 9 RTP/AVP 0\r\n",
			want:     "m=video 0 RTP/AVP 31\r\nm=audio 5004 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n",
		},
		"other protocols match by format": {
			template: "m=application 7000 UDP/BFCP *\r\na=floorctrl:s-only\r\nm=image 7002 udptl t38\r\n",
			offer:    "m=image 9 UDPTL T38 x\r\nm=application 9 UDP/BFCP *\r\na=floorctrl:c-only\r\n",
			want:     "m=image 7002 UDPTL T38\r\nm=application 7000 UDP/BFCP *\r\na=floorctrl:s-only\r\n",
		},
		"mismatch": {
			cfg: soa.Config{Mismatch: true}, template: "m=audio 5004 RTP/AVP 0 96\r\na=rtpmap:96 iLBC/8000\r\n",
			offer: "m=audio 9 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\n",
			want:  "m=audio 5004 RTP/AVP 0 97\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:97 iLBC/8000\r\n",
		},
		"own auxiliary names": {
			cfg: soa.Config{Auxiliary: []string{"red"}}, template: audio + "a=rtpmap:101 red/8000\r\n",
			offer: "m=audio 9 RTP/AVP 0 8\r\n",
			want:  "m=audio 5004 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=ptime:20\r\n",
		},
		"events alone fit a template of events alone": {
			template: audio + "m=audio 5010 RTP/AVP 97\r\na=rtpmap:97 telephone-event/8000\r\n",
			offer:    "m=audio 9 RTP/AVP 98\r\na=rtpmap:98 telephone-event/8000\r\na=sendonly\r\n",
			want:     "m=audio 5010 RTP/AVP 98\r\na=rtpmap:98 telephone-event/8000\r\na=recvonly\r\n",
		},
		"nothing offered": {template: audio, offer: "", want: ""},
		"only removed":    {template: audio, offer: "m=audio 0 RTP/AVP 0\r\n", want: "m=audio 0 RTP/AVP 0\r\n"},
		"multicast": {
			template: both,
			offer:    "m=audio 49170 RTP/AVP 0 8\r\nc=IN IP4 224.2.1.1/127\r\nb=AS:64\r\na=ptime:40\r\na=recvonly\r\n",
			want:     "m=audio 49170 RTP/AVP 0\r\nc=IN IP4 224.2.1.1/127\r\nb=AS:64\r\na=rtpmap:0 PCMU/8000\r\na=recvonly\r\na=ptime:40\r\n",
		},
		"other network": {
			template: both,
			offer:    "m=audio 9 RTP/AVP 0\r\nc=ATM NSAP 47.0091\r\nm=audio 9 RTP/AVP 0\r\n",
			want:     "m=audio 0 RTP/AVP 0\r\nm=audio 5004 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := session(t, c.cfg, c.template)
			o := remote(c.offer)
			got, err := s.Answer(t.Context(), o)
			require.NoError(t, err)
			require.Equal(t, c.want, media(got))
			checkAnswer(t, o, got, c.cfg.Mismatch)
			require.Equal(t, soa.Complete, s.State())
			require.Len(t, s.Active(), strings.Count(c.offer, "m="))
			require.Equal(t, got, s.Local().String())
		})
	}
}

// O05: t= is copied, with all that belongs to it.
func TestTimeCopied(t *testing.T) {
	times := "t=2873397496 2873404696\r\nr=7d 1h 0 25h\r\nz=2882844526 -1h\r\nt=3034423619 0\r\n"
	s := session(t, soa.Config{}, "t=1 2\n"+audio)
	got := answer(t, s, strings.Replace(remote("m=audio 9 RTP/AVP 0\r\n"), "t=0 0\r\n", times, 1))
	require.Contains(t, got, "\r\n"+times+"m=")
}

// O03: every offered direction against every wish of the user.
func TestDirections(t *testing.T) {
	all := []sdp.Direction{sdp.Inactive, sdp.SendOnly, sdp.RecvOnly, sdp.SendRecv}
	for _, theirs := range all {
		for _, ours := range all {
			for _, level := range []string{"media", "session", "0.0.0.0", "::"} {
				o := remote("m=audio 9 RTP/AVP 0\r\na=" + theirs.String() + "\r\n")
				want := ours & theirs.Reverse()
				switch level {
				case "session":
					o = strings.Replace(remote("m=audio 9 RTP/AVP 0\r\n"), "m=", "a="+theirs.String()+"\r\nm=", 1)
				case "0.0.0.0":
					o = strings.Replace(o, "c=IN IP4 198.51.100.9", "c=IN IP4 0.0.0.0", 1)
					want &^= sdp.SendOnly
				case "::":
					o = strings.Replace(o, "c=IN IP4 198.51.100.9", "c=IN IP6 ::", 1)
					want &^= sdp.SendOnly
				}
				s := session(t, soa.Config{}, "m=audio 5004 RTP/AVP 0\r\na="+ours.String()+"\r\n")
				d, err := sdp.Parse(answer(t, s, o))
				require.NoError(t, err)
				require.Equal(t, want, d.Direction(0), "%v offered at %s, %v wanted", theirs, level, ours)
				require.Equal(t, soa.Active(want), s.ActiveAudio())
			}
		}
	}
}

func TestHold(t *testing.T) {
	dir := func(text string, i int) sdp.Direction {
		d, err := sdp.Parse(text)
		require.NoError(t, err)
		return d.Direction(i)
	}
	for hold, want := range map[string][3]sdp.Direction{ // audio sendrecv, video sendrecv, text recvonly
		"":                       {sdp.SendRecv, sdp.SendRecv, sdp.RecvOnly},
		"*":                      {sdp.SendOnly, sdp.SendOnly, sdp.Inactive},
		"#":                      {sdp.Inactive, sdp.Inactive, sdp.Inactive},
		"audio":                  {sdp.SendOnly, sdp.SendRecv, sdp.RecvOnly},
		"Audio, video=inactive":  {sdp.SendOnly, sdp.Inactive, sdp.RecvOnly},
		"*,audio = inactive":     {sdp.Inactive, sdp.SendOnly, sdp.Inactive},
		"application,, nonsense": {sdp.SendRecv, sdp.SendRecv, sdp.RecvOnly},
	} {
		s := session(t, soa.Config{}, "m=audio 1 RTP/AVP 0\nm=video 2 RTP/AVP 31\nm=text 3 RTP/AVP 98\na=rtpmap:98 t140/1000\na=recvonly\n")
		s.Hold(hold)
		text := offer(t, s)
		require.Equal(t, want, [3]sdp.Direction{dir(text, 0), dir(text, 1), dir(text, 2)}, "%q", hold)
	}

	t.Run("each side on its own", func(t *testing.T) {
		a, b := session(t, soa.Config{}, audio), session(t, soa.Config{}, audio)
		state := func(wantA, wantB soa.Active) {
			t.Helper()
			require.Equal(t, []soa.Active{wantA, wantB}, []soa.Active{a.ActiveAudio(), b.ActiveAudio()})
		}
		call(t, a, b)
		state(soa.SendRecv, soa.SendRecv)
		a.Hold("*")
		call(t, a, b)
		state(soa.SendOnly, soa.RecvOnly)
		call(t, b, a) // one-sided: b's own offer is still sendrecv, a keeps the hold
		state(soa.SendOnly, soa.RecvOnly)
		b.Hold("audio")
		o, _ := call(t, b, a)
		require.Equal(t, sdp.SendOnly, dir(o, 0))
		state(soa.Inactive, soa.Inactive)
		a.Hold("")
		o, ans := call(t, a, b)
		require.Equal(t, sdp.SendRecv, dir(o, 0))
		require.Equal(t, sdp.SendOnly, dir(ans, 0))
		state(soa.RecvOnly, soa.SendOnly)
		b.Hold("")
		call(t, b, a)
		state(soa.SendRecv, soa.SendRecv)
	})

	t.Run("0.0.0.0 and back", func(t *testing.T) {
		s := session(t, soa.Config{}, audio)
		normal := remote("m=audio 9 RTP/AVP 0\r\n")
		answer(t, s, normal)
		answer(t, s, strings.Replace(normal, "c=IN IP4 198.51.100.9", "c=IN IP4 0.0.0.0", 1))
		require.Equal(t, soa.RecvOnly, s.ActiveAudio())
		require.Equal(t, "0.0.0.0", s.Active()[0].Remote.Address)
		answer(t, s, normal)
		require.Equal(t, soa.SendRecv, s.ActiveAudio())
		require.Equal(t, "198.51.100.9", s.Active()[0].Remote.Address)
		require.Equal(t, 9, s.Active()[0].RemotePort)
	})
}

// O02: the version rises by one exactly when the description changes, and
// nothing else of o= ever changes.
func TestVersion(t *testing.T) {
	a, b := session(t, soa.Config{}, audio), session(t, soa.Config{}, audio)
	o1, a1 := call(t, a, b)
	require.EqualValues(t, 1, version(t, o1))
	o2, a2 := call(t, a, b)
	require.Equal(t, o1, o2, "nothing changed: same text")
	require.Equal(t, a1, a2)
	o3, a3 := call(t, b, a)
	require.Equal(t, a1, o3, "the answerer's own refresh repeats what it said")
	require.EqualValues(t, 2, version(t, a3), "one codec of two is a change")
	a.Hold("*")
	o4, a4 := call(t, a, b)
	require.EqualValues(t, 3, version(t, o4))
	require.EqualValues(t, 2, version(t, a4))
	a.SetAddress("192.0.2.99")
	o5, _ := call(t, a, b)
	require.EqualValues(t, 4, version(t, o5))
	require.Contains(t, o5, "c=IN IP4 192.0.2.99\r\n")
	first, err := sdp.Parse(o1)
	require.NoError(t, err)
	last, err := sdp.Parse(o5)
	require.NoError(t, err)
	first.Origin.Version = last.Origin.Version
	require.Equal(t, first.Origin, last.Origin)
	// A template that says the same is no change.
	require.NoError(t, b.SetUserText(audio))
	b.Hold("")
	_, a6 := call(t, a, b)
	require.EqualValues(t, 2, version(t, a6))
}

func TestOfferPending(t *testing.T) {
	s := session(t, soa.Config{}, audio)
	offer(t, s)
	before := s.Local()
	_, err := s.Offer(t.Context())
	fails(t, err, soa.ErrOfferPending, 491, 0)
	_, err = s.Answer(t.Context(), remote("m=audio 9 RTP/AVP 0\r\n"))
	fails(t, err, soa.ErrOfferPending, 491, 0) // glare
	fails(t, s.SetRemote(remote("m=audio 9 RTP/AVP 0\r\n")), soa.ErrOfferPending, 491, 0)
	require.True(t, before.Equal(s.Local()))
	require.NoError(t, s.SetAnswer(t.Context(), remote("m=audio 9 RTP/AVP 0\r\n")), "our offer is still open")
	fails(t, s.SetAnswer(t.Context(), remote("m=audio 9 RTP/AVP 0\r\n")), soa.ErrNoOffer, 500, 0)

	s = session(t, soa.Config{}, audio)
	_, err = s.Answer(t.Context(), "")
	fails(t, err, soa.ErrNoOffer, 500, 0)
	require.NoError(t, s.SetRemote(remote("m=audio 9 RTP/AVP 0\r\n")))
	require.Equal(t, soa.OfferReceived, s.State())
	_, err = s.Offer(t.Context())
	fails(t, err, soa.ErrOfferPending, 500, 0)
	fails(t, s.SetRemote(remote("")), soa.ErrOfferPending, 500, 0)
	fails(t, s.SetAnswer(t.Context(), remote("")), soa.ErrNoOffer, 500, 0)
	_, err = s.Answer(t.Context(), "")
	require.NoError(t, err)
	require.Equal(t, soa.Complete, s.State())
}

func TestRefusedAsAWhole(t *testing.T) {
	for _, c := range []struct {
		offer string
		want  error
		warn  int
		text  string
	}{
		{"m=audio 9 RTP/AVP 3\r\n", soa.ErrNoCommonCodec, 305, "Incompatible media format"},
		{"m=audio 9 RTP/AVP 96\r\na=rtpmap:96 telephone-event/8000\r\n", soa.ErrNoCommonCodec, 305, "Incompatible media format"},
		{"m=audio 9 RTP/SAVP 0\r\n", soa.ErrNoCommonMedia, 302, "Incompatible transport protocol"},
		{"m=audio 9 RTP/AVP 0\r\nc=ATM NSAP 47\r\n", soa.ErrNoCommonMedia, 300, "Incompatible network protocol"},
		{"m=hologram 9 RTP/AVP 0\r\nm=audio 0 RTP/AVP 0\r\n", soa.ErrNoCommonMedia, 304, "Media type not available"},
		{"m=hologram 9 RTP/AVP 0\r\nm=audio 9 RTP/AVP 3\r\n", soa.ErrNoCommonCodec, 305, "Incompatible media format"},
	} {
		s := session(t, soa.Config{}, audio)
		_, err := s.Answer(t.Context(), remote(c.offer))
		fails(t, err, c.want, 488, c.warn)
		var e *soa.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, c.text, e.Warning())
		require.Equal(t, soa.Idle, s.State())
		require.Nil(t, s.Remote())
		// O07: in a session the old state stays.
		answer(t, s, remote("m=audio 9 RTP/AVP 0\r\n"))
		s.Activate()
		local, rem, active := s.Local(), s.Remote(), s.Active()
		_, err = s.Answer(t.Context(), remote(c.offer))
		fails(t, err, c.want, 488, c.warn)
		require.Equal(t, []any{local, rem, active, soa.Complete}, []any{s.Local(), s.Remote(), s.Active(), s.State()})
	}
}

func TestBadRemote(t *testing.T) {
	s := session(t, soa.Config{Parser: sdp.Parser{MaxMedia: 2}}, audio+video)
	for _, text := range []string{"rubbish", remote("q=1\r\n"), remote("m=audio 70000 RTP/AVP 0\r\n"),
		strings.Replace(remote("m=audio 9 RTP/AVP 0\r\n"), "c=IN IP4 198.51.100.9\r\n", "", 1), // O09
		remote(strings.Repeat("m=audio 9 RTP/AVP 0\r\n", 3))} {
		_, err := s.Answer(t.Context(), text)
		fails(t, err, soa.ErrBadDescription, 400, 0)
		var e *sdp.SyntaxError
		require.ErrorAs(t, err, &e)
		require.Equal(t, soa.Idle, s.State())
	}
	answer(t, s, remote("m=audio 9 RTP/AVP 0\r\nm=video 9 RTP/AVP 31\r\n"))
	_, err := s.Answer(t.Context(), remote("m=audio 9 RTP/AVP 0\r\n"))
	fails(t, err, soa.ErrMediaCount, 488, 399)
	require.Len(t, s.Active(), 2)

	o := offer(t, s)
	for text, want := range map[string]error{
		"":                              soa.ErrBadDescription,
		remote("m=audio 9 RTP/AVP 0\n"): soa.ErrMediaCount,
		remote(""):                      soa.ErrMediaCount,
		remote("m=audio 9 RTP/AVP 0\nm=audio 9 RTP/AVP 0\n"):                       soa.ErrMediaMismatch,
		remote("m=audio 9 RTP/SAVP 0\nm=video 9 RTP/AVP 31\n"):                     soa.ErrMediaMismatch,
		remote("m=audio 9 RTP/AVP 3\nm=video 0 RTP/AVP 31\n"):                      soa.ErrNoCommonCodec,
		remote("m=audio 9 RTP/AVP 0\nm=video 9 RTP/AVP 31\nm=audio 9 RTP/AVP 0\n"): nil, // over MaxMedia
	} {
		err := s.SetAnswer(t.Context(), text)
		require.Error(t, err)
		if want != nil {
			require.ErrorIs(t, err, want)
		}
		require.Equal(t, soa.OfferSent, s.State(), "the offer stays open")
		require.Equal(t, o, s.Local().String())
	}
	// One stream answered with something that was never offered costs only that stream.
	require.NoError(t, s.SetAnswer(t.Context(), remote("m=audio 9 RTP/AVP 0\nm=video 9 RTP/AVP 34\n")))
	require.Equal(t, []soa.Active{soa.SendRecv, soa.Rejected}, []soa.Active{s.ActiveAudio(), s.ActiveVideo()})
	require.Contains(t, offer(t, s), "m=video 0 RTP/AVP")
}

func TestClosedAndCancelled(t *testing.T) {
	s := session(t, soa.Config{}, audio)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Offer(ctx)
	require.ErrorIs(t, err, context.Canceled)
	_, err = s.Answer(ctx, remote(""))
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, soa.Idle, s.State())
	require.NoError(t, s.Close())
	require.Equal(t, soa.Closed, s.State())
	_, err = s.Offer(t.Context())
	fails(t, err, soa.ErrClosed, 500, 0)
	_, err = s.Answer(t.Context(), "")
	fails(t, err, soa.ErrClosed, 500, 0)
	fails(t, s.SetAnswer(t.Context(), ""), soa.ErrClosed, 500, 0)
	fails(t, s.SetUserText(audio), soa.ErrClosed, 500, 0)
	_, err = s.Capabilities()
	fails(t, err, soa.ErrClosed, 500, 0)
	s.Rollback()
	s.Activate()
}

func TestNoAddressNoRand(t *testing.T) {
	s := soa.New(soa.Config{})
	require.NoError(t, s.SetUserText(audio))
	_, err := s.Offer(t.Context())
	fails(t, err, soa.ErrNoAddress, 500, 0)
	_, err = s.Answer(t.Context(), remote("m=audio 9 RTP/AVP 0\r\n"))
	fails(t, err, soa.ErrNoAddress, 500, 0)
	require.Equal(t, soa.Idle, s.State())
	s.SetAddress("media.example.com")
	require.Contains(t, offer(t, s), "c=IN IP4 media.example.com\r\n")

	s = session(t, soa.Config{Rand: strings.NewReader("short")}, audio)
	_, err = s.Offer(t.Context())
	require.True(t, errors.As(err, new(*soa.Error)))
	require.Equal(t, soa.Idle, s.State())
}
