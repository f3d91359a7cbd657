package soa_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/sdp"
	"github.com/gosofia/sofia/soa"
)

// maker builds random descriptions out of a small stock, so that two of them
// often have something in common.
type maker struct{ *rand.Rand }

func (r maker) pick(of ...string) string { return of[r.IntN(len(of))] }

// media returns a random m= section.
func (r maker) media(template bool) string {
	var b strings.Builder
	kind := r.pick("audio", "audio", "video", "text", "hologram")
	proto := r.pick("RTP/AVP", "RTP/AVP", "RTP/AVP", "RTP/SAVPF", "udptl")
	port := 1 + r.IntN(65535)
	if r.IntN(6) == 0 {
		port = 0
	}
	fmt.Fprintf(&b, "m=%s %d %s", kind, port, proto)
	var maps strings.Builder
	used := map[int]bool{}
	for range 1 + r.IntN(5) {
		pt := []int{0, 3, 8, 31, 96, 97, 98, 99, 127}[r.IntN(9)]
		if used[pt] {
			continue
		}
		used[pt] = true
		fmt.Fprintf(&b, " %d", pt)
		if pt >= 96 || r.IntN(8) == 0 && !template {
			name := r.pick("opus/48000/2", "iLBC/8000", "PCMA/8000", "VP8/90000", "telephone-event/8000", "CN/8000")
			fmt.Fprintf(&maps, "a=rtpmap:%d %s\r\n", pt, name)
			if r.IntN(3) == 0 {
				fmt.Fprintf(&maps, "a=fmtp:%d %s\r\na=rtcp-fb:%d nack\r\n", pt, r.pick("mode=20", "0-15", "x"), pt)
			}
		}
	}
	b.WriteString("\r\n")
	if r.IntN(5) == 0 {
		b.WriteString(r.pick("c=IN IP4 0.0.0.0\r\n", "c=IN IP6 2001:db8::1\r\n", "c=IN IP4 224.1.2.3/9\r\n", "c=ATM NSAP 1\r\n"))
	}
	b.WriteString(maps.String())
	if r.IntN(2) == 0 {
		b.WriteString("a=" + r.pick("sendrecv", "sendonly", "recvonly", "inactive") + "\r\n")
	}
	if r.IntN(4) == 0 {
		b.WriteString("a=unknown:thing\r\n")
	}
	return b.String()
}

func (r maker) medias(atLeast int, template bool) string {
	var b strings.Builder
	for range atLeast + r.IntN(4) {
		b.WriteString(r.media(template))
	}
	return b.String()
}

func (r maker) config() soa.Config {
	return soa.Config{
		Address: "192.0.2.7", Select: soa.Select(r.IntN(3)), Sort: soa.Sort(r.IntN(3)),
		Mismatch: r.IntN(4) == 0, ReuseRejected: r.IntN(2) == 0,
	}
}

// follow checks what must hold between two descriptions that one side makes
// after each other: same o= but for the version, which rises by one exactly
// when something changed (O02), no m= line lost (O01), no payload type with a
// new meaning (O04).
func follow(t *testing.T, meanings map[[2]int]sdp.Codec, last, next *sdp.Description) {
	t.Helper()
	if last != nil {
		o := next.Origin
		if !last.EqualBody(next) {
			o.Version--
		}
		require.Equal(t, last.Origin, o)
		require.GreaterOrEqual(t, len(next.Media), len(last.Media))
	}
	for i := range next.Media {
		for _, c := range next.Media[i].Codecs() {
			if next.Media[i].Port == 0 || c.Payload < 96 {
				continue
			}
			key := [2]int{i, c.Payload}
			if m, ok := meanings[key]; ok {
				require.True(t, m.Same(c), "payload type %d of m= line %d", c.Payload, i)
			}
			meanings[key] = c
		}
	}
}

// Two sessions talk at random: both sides offer, hold, change templates, roll
// back. After each exchange both must agree.
func TestRandomCalls(t *testing.T) {
	exchanges := 0
	for seed := range uint64(150) {
		r := maker{rand.New(rand.NewPCG(seed, 1))}
		var sides [2]*soa.Session
		var meanings [2]map[[2]int]sdp.Codec
		var lasts [2]*sdp.Description
		mismatch := false
		for i := range sides {
			cfg := r.config()
			cfg.Mismatch = false
			sides[i], meanings[i] = soa.New(cfg), map[[2]int]sdp.Codec{}
			user(t, r, sides[i])
		}
		for range 12 {
			i := r.IntN(2)
			a, b := sides[i], sides[1-i]
			switch r.IntN(4) {
			case 0:
				user(t, r, a)
			case 1:
				a.Hold(r.pick("*", "#", "", "audio", "video=inactive"))
			case 2:
				a.Renew()
			}
			o, err := a.Offer(t.Context())
			require.NoError(t, err, "seed %d", seed)
			if r.IntN(5) == 0 {
				a.Rollback() // 491
				continue
			}
			before := b.Local()
			ans, err := b.Answer(t.Context(), o)
			if err != nil {
				var e *soa.Error
				require.ErrorAs(t, err, &e, "seed %d", seed)
				require.Equal(t, 488, e.Status(), "seed %d: %v", seed, err)
				require.True(t, before.Equal(b.Local()))
				a.Rollback()
				continue
			}
			checkAnswer(t, o, ans, mismatch)
			if r.IntN(8) == 0 {
				a.Rollback() // the answer never arrived, the request failed
				b.Rollback()
				require.True(t, before.Equal(b.Local()))
				continue
			}
			require.NoError(t, a.SetAnswer(t.Context(), ans), "seed %d\n%s\n%s", seed, o, ans)
			a.Activate()
			b.Activate()
			exchanges++
			ours, theirs := a.Active(), b.Active()
			require.Len(t, ours, len(theirs))
			for j := range ours {
				if ours[j].Active == soa.Rejected {
					require.Equal(t, soa.Rejected, theirs[j].Active)
					continue
				}
				if conn := a.Local().Media[j].Connections; len(conn) > 0 && conn[0].IsMulticast() {
					continue // one view for all
				}
				require.Equal(t, sdp.Direction(ours[j].Active), sdp.Direction(theirs[j].Active).Reverse(), "seed %d\n%s\n%s", seed, o, ans)
			}
			follow(t, meanings[i], lasts[i], a.Local())
			follow(t, meanings[1-i], lasts[1-i], b.Local())
			lasts[i], lasts[1-i] = a.Local(), b.Local()
		}
	}
	require.Greater(t, exchanges, 200, "the test says something")
}

// user gives a session a random template that is valid.
func user(t *testing.T, r maker, s *soa.Session) {
	t.Helper()
	for range 100 {
		if s.SetUserText(r.medias(1, true)) == nil {
			return
		}
	}
	t.Fatal("no valid template in 100")
}

func TestRandomOffers(t *testing.T) {
	answered := 0
	for seed := range uint64(1000) {
		r := maker{rand.New(rand.NewPCG(seed, 2))}
		cfg := r.config()
		s := soa.New(cfg)
		user(t, r, s)
		n := 0
		for range 3 {
			o := remote(r.medias(n, false))
			ans, err := s.Answer(t.Context(), o)
			if err != nil {
				var e *soa.Error
				require.ErrorAs(t, err, &e)
				require.Contains(t, []int{488, 400}, e.Status(), "seed %d: %v", seed, err)
				continue
			}
			answered++
			n = strings.Count(o, "m=")
			checkAnswer(t, o, ans, cfg.Mismatch)
		}
	}
	require.Greater(t, answered, 500, "the test says something")
}

// FuzzAnswer answers any text, in a new session, in one with streams, and as
// the answer to an own offer.
func FuzzAnswer(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*.sdp")
	require.NoError(f, err)
	for _, file := range files {
		b, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(string(b), uint8(len(b)))
	}
	f.Add(remote(audio+video), uint8(0))
	f.Add(remote("m=audio 9 RTP/AVP 97 0\r\nc=IN IP4 224.1.1.1/1\r\na=rtpmap:97 opus/48000/2\r\na=sendonly\r\n"), uint8(255))
	const template = audio + video + "m=audio 5010 RTP/AVP 97 98\r\na=rtpmap:97 iLBC/8000\r\na=rtpmap:98 opus/48000/2\r\nm=image 5012 udptl t38\r\n"
	f.Fuzz(func(t *testing.T, text string, bits uint8) {
		cfg := soa.Config{
			Address: "192.0.2.7", Select: soa.Select(bits % 3), Sort: soa.Sort(bits / 3 % 3),
			Mismatch: bits&64 != 0, ReuseRejected: bits&128 != 0,
		}
		s := soa.New(cfg)
		require.NoError(t, s.SetUserText(template))
		ans, err := s.Answer(t.Context(), text)
		if err == nil {
			checkAnswer(t, text, ans, cfg.Mismatch)
			s.Activate()
			again, err := s.Answer(t.Context(), text)
			require.NoError(t, err)
			require.Equal(t, ans, again, "the same offer gets the same answer, version included")
			o, err := s.Offer(t.Context())
			require.NoError(t, err)
			require.Equal(t, strings.Count(ans, "\r\nm="), strings.Count(o, "\r\nm="))
			s.Rollback()
			s.Renew()
			_, err = s.Offer(t.Context())
			require.NoError(t, err)
			_ = s.SetAnswer(t.Context(), text)
			s.Rollback()
		} else {
			require.Equal(t, soa.Idle, s.State())
		}
		s = soa.New(cfg)
		require.NoError(t, s.SetUserText(template))
		o, err := s.Offer(t.Context())
		require.NoError(t, err)
		if s.SetAnswer(t.Context(), text) != nil {
			require.Equal(t, o, s.Local().String())
			return
		}
		s.Activate()
		_ = s.ActiveAudio()
		_, err = s.Offer(t.Context())
		require.NoError(t, err)
	})
}

func BenchmarkExchange(b *testing.B) {
	for b.Loop() {
		x, y := session(b, soa.Config{}, audio), session(b, soa.Config{}, audio)
		o, err := x.Offer(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		a, err := y.Answer(b.Context(), o)
		if err != nil {
			b.Fatal(err)
		}
		if err := x.SetAnswer(b.Context(), a); err != nil {
			b.Fatal(err)
		}
	}
}
