package soa_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/sdp"
	"github.com/gosofia/sofia/soa"
)

// exchange is one printed offer with its answer.
type exchange struct {
	offer, answer     *sdp.Description
	offerer, answerer string
	// why and adapt: where our answer rightly differs from the printed one.
	why   string
	adapt func(printed *sdp.Description)
}

func read(t testing.TB, file string) *sdp.Description {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", file))
	require.NoError(t, err)
	d, err := sdp.Parse(string(b))
	require.NoError(t, err)
	return d
}

// plain removes from a printed description what carries no meaning: an empty
// s=, what follows the first format of a refused stream, rtpmap lines for the
// order of attributes, and a=sendrecv.
func plain(t testing.TB, d *sdp.Description) string {
	t.Helper()
	d = d.Clone()
	d.Name = "-"
	if len(d.Times) == 0 {
		d.Times = []sdp.Time{{}}
	}
	for i := range d.Media {
		m := &d.Media[i]
		if m.Port == 0 {
			m.Attributes, m.Formats = nil, m.Formats[:1]
			continue
		}
		if dir := m.Direction(d); dir == sdp.SendRecv {
			m.Attributes.Del("sendrecv")
		} else {
			m.Attributes.Del(dir.String())
			m.Attributes.SetDirection(dir)
		}
		m.SetCodecs(m.Codecs())
	}
	b, err := d.AppendText(nil)
	require.NoError(t, err)
	return string(b)
}

// play lets two sessions hold the printed conversation. Each side gets its
// printed description as template; what it then says must be what is printed.
func play(t *testing.T, steps []exchange) {
	t.Helper()
	sides := map[string]*soa.Session{}
	side := func(name string, template *sdp.Description) *soa.Session {
		s := sides[name]
		if s == nil {
			s = soa.New(soa.Config{Select: soa.SelectCommon})
			sides[name] = s
		}
		require.NoError(t, s.SetUser(template))
		return s
	}
	for n, x := range steps {
		a := side(x.offerer, x.offer)
		offer, err := a.Offer(t.Context())
		require.NoError(t, err)
		got, err := sdp.Parse(offer)
		require.NoError(t, err)
		require.Equal(t, plain(t, x.offer), plain(t, got), "offer of exchange %d", n+1)

		b := side(x.answerer, x.answer)
		answer, err := b.Answer(t.Context(), offer)
		require.NoError(t, err)
		got, err = sdp.Parse(answer)
		require.NoError(t, err)
		want := x.answer.Clone()
		if x.adapt != nil {
			require.NotEqual(t, plain(t, want), plain(t, got), "differs no more: %s", x.why)
			x.adapt(want)
		}
		require.Equal(t, plain(t, want), plain(t, got), "answer of exchange %d", n+1)
		checkAnswer(t, offer, answer, false)

		// The offerer understands the printed answer, and ours.
		require.NoError(t, a.SetAnswer(t.Context(), x.answer.String()))
		for i, m := range a.Active() {
			require.Equal(t, x.offer.Media[i].Port == 0 || x.answer.Media[i].Port == 0, m.Active == soa.Rejected)
		}
		a.Rollback()
		_, err = a.Offer(t.Context())
		require.NoError(t, err)
		require.NoError(t, a.SetAnswer(t.Context(), answer))
		a.Activate()
		b.Activate()
		ours, theirs := a.Active(), b.Active()
		for i := range ours {
			if ours[i].Active < 0 {
				require.Equal(t, soa.Rejected, theirs[i].Active)
				continue
			}
			require.Equal(t, sdp.Direction(ours[i].Active), sdp.Direction(theirs[i].Active).Reverse(), "both sides agree on stream %d", i)
		}
	}
}

func TestRFC4317(t *testing.T) {
	b, err := os.ReadFile("testdata/rfc4317/pairs.json")
	require.NoError(t, err)
	var file struct {
		Pairs []struct {
			Section, Title, Offer, Answer, Offerer, Answerer string
			Exchange                                         int
		}
	}
	require.NoError(t, json.Unmarshal(b, &file))
	require.Len(t, file.Pairs, 27)
	sections := map[string][]exchange{}
	for _, p := range file.Pairs {
		x := exchange{
			offer: read(t, "rfc4317/"+p.Offer), answer: read(t, "rfc4317/"+p.Answer),
			offerer: p.Offerer, answerer: p.Answerer,
		}
		switch p.Offer {
		case "2.3-1-offer.sdp":
			x.why = "we keep the payload type of the offer (RFC 3264 section 6.1 SHOULD)"
			x.adapt = func(d *sdp.Description) {
				d.Media[0].SetCodecs([]sdp.Codec{{Payload: 97, Name: "iLBC", Clock: 8000}})
			}
		case "3.2-2-offer.sdp":
			x.why = "the printed answer to sendonly is sendrecv, against RFC 3264 section 6.1, and adds a codec"
			x.adapt = func(d *sdp.Description) {
				d.Media[0].SetCodecs([]sdp.Codec{{Payload: 97, Name: "iLBC", Clock: 8000}})
				d.Media[0].Attributes.SetDirection(sdp.RecvOnly)
			}
		case "5.2-1-offer.sdp":
			x.why = "0.0.0.0 asks us to send nothing"
			x.adapt = func(d *sdp.Description) { d.Media[0].Attributes.SetDirection(sdp.RecvOnly) }
		case "5.2-2-offer.sdp":
			x.why = "our answer before was recvonly, so this one is a new version"
			x.adapt = func(d *sdp.Description) { d.Origin.Version++ }
		}
		require.Len(t, sections[p.Section], p.Exchange-1, "exchange 2 follows exchange 1")
		sections[p.Section] = append(sections[p.Section], x)
	}
	for name, steps := range sections {
		t.Run(name, func(t *testing.T) { play(t, steps) })
	}
}

func TestRFC3264(t *testing.T) {
	d := func(n string) *sdp.Description { return read(t, "rfc3264/rfc3264-0"+n+".sdp") }
	t.Run("10.1", func(t *testing.T) {
		play(t, []exchange{
			{offer: d("2"), answer: d("3"), offerer: "alice", answerer: "bob"},
			{offer: d("4"), answer: d("5"), offerer: "bob", answerer: "alice"},
		})
	})
	t.Run("10.2", func(t *testing.T) {
		play(t, []exchange{
			{offer: d("6"), answer: d("7"), offerer: "alice", answerer: "bob"},
			{offer: d("8"), answer: d("9"), offerer: "alice", answerer: "bob"},
		})
	})
	t.Run("9", func(t *testing.T) {
		s := soa.New(soa.Config{})
		want := d("1")
		template := want.Clone()
		for i := range template.Media {
			template.Media[i].Port = 5000
			template.Media[i].Attributes.Add("sendrecv", "")
		}
		template.Media[1] = want.Media[1].Clone()
		require.NoError(t, s.SetUser(template))
		text, err := s.Capabilities()
		require.NoError(t, err)
		got, err := sdp.Parse(text)
		require.NoError(t, err)
		require.Equal(t, plain(t, want), plain(t, got))
		require.Equal(t, soa.Idle, s.State())
	})
}
