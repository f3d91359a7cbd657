package msg_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
)

func mediaType(t testing.TB, s string) msg.MediaType {
	t.Helper()
	m, err := msg.ParseMediaType(s)
	require.NoError(t, err)
	return m
}

func lines(s ...string) string { return strings.Join(s, "\r\n") }

func multipart(t testing.TB, typ, body string) *msg.Multipart {
	t.Helper()
	m, err := msg.ParseMultipart(mediaType(t, typ), body, msg.Limits{})
	require.NoError(t, err)
	return m
}

// corpus returns type and body of the multipart messages in testdata.
func corpus(t testing.TB) map[string][2]string {
	t.Helper()
	list := map[string][2]string{}
	files, err := filepath.Glob("testdata/multipart/*")
	require.NoError(t, err)
	for _, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		head, body, ok := strings.Cut(string(b), "\r\n\r\n")
		require.True(t, ok, f)
		for line := range strings.SplitSeq(strings.ReplaceAll(head, "\r\n ", " "), "\r\n") {
			if name, value, _ := strings.Cut(line, ":"); strings.EqualFold(name, "Content-Type") {
				list[filepath.Base(f)] = [2]string{strings.TrimSpace(value), body}
			}
		}
	}
	require.Len(t, list, 12)
	return list
}

func TestMultipartCorpus(t *testing.T) {
	// An empty line behind the boundary, as some RFCs print it, ends the header of
	// a part without any: what follows is its text.
	want := map[string][]string{
		"rfc3893-3-m01-INVITE.sip":      {"text/plain", "multipart/signed", "message/sipfrag", "application/pkcs7-signature"},
		"rfc4475-mpart01.dat":           {"text/plain", "application/octet-stream"},
		"rfc4483-6.2-m02-MESSAGE.sip":   {"message/external-body", "message/external-body"},
		"rfc5360-5.3.1-m01-MESSAGE.sip": {"text/plain", "application/auth-policy+xml"},
		"rfc5589-8-F06-INVITE.sip":      {"application/sdp", "multipart/signed", "message/sipfrag", "application/pkcs-7-signature"},
		"rfc5621-3.1-m02-INVITE.sip":    {"application/sdp", "application/resource-lists+xml"},
		"rfc6086-12.2.2.1-m07-INFO.sip": {"application/mumble", "application/foo-x"},
		"rfc6086-12.2.2.3-m09-INFO.sip": {"application/foo-x"},
		"rfc6442-5.1-m01-INVITE.sip":    {"text/plain", "text/plain"},
		"rfc6442-5.2-m02-INVITE.sip":    {"text/plain", "text/plain"},
		"rfc8876-8-m01-MESSAGE.sip":     {"application/EmergencyCallData.cap+xml", "application/pidf+xml"},
		"rfc8876-8-m02-MESSAGE.sip":     {"text/plain", "text/plain"},
	}
	for name, c := range corpus(t) {
		t.Run(name, func(t *testing.T) {
			m, err := msg.ParseMultipart(mediaType(t, c[0]), c[1], msg.Limits{})
			require.NoError(t, err)
			require.Equal(t, c[1], m.String())
			var types []string
			for _, p := range m.Walk() {
				if name == "rfc6086-12.2.2.1-m07-INFO.sip" && len(types) == 0 { // prints no empty line before the body
					require.ErrorIs(t, p.Msg().Err(), msg.ErrFieldName)
				} else {
					require.NoError(t, p.Msg().Err())
				}
				typ := p.Type()
				types = append(types, typ.Type+"/"+typ.Subtype)
			}
			require.Equal(t, want[name], types)
			lf, err := msg.ParseMultipart(mediaType(t, c[0]), strings.ReplaceAll(c[1], "\r\n", "\n"), msg.Limits{})
			require.NoError(t, err, "line ends without CR")
			require.Equal(t, m.Len(), lf.Len())
			if !strings.HasPrefix(name, "rfc4475") { // it has a part of octets
				for i, p := range m.Parts() {
					require.Equal(t, p.Type(), lf.Part(i).Type())
					require.Equal(t, strings.ReplaceAll(p.Body(), "\r\n", "\n"), lf.Part(i).Body())
				}
			}
			guessed, err := msg.ParseMultipart(msg.MediaType{}, c[1], msg.Limits{})
			require.NoError(t, err)
			require.Equal(t, m.Boundary(), guessed.Boundary())
		})
	}
}

func TestMultipartParse(t *testing.T) {
	in := lines("a preamble", "with --b in it", "", "--b  ", "Content-Type: text/plain;charset=utf-8", "X: y", " folded", "", "one", "-- b", "--bc", " --b", "",
		"--b", "", "no header", "--b", "Content-ID: <id-3@a>", "--b", "--b--\t", "an epilogue", "--b", "x")
	m := multipart(t, "multipart/mixed;boundary=b", in)
	require.Equal(t, "a preamble\r\nwith --b in it\r\n", m.Preamble())
	require.Equal(t, "an epilogue\r\n--b\r\nx", m.Epilogue())
	require.Equal(t, 4, m.Len())
	require.Equal(t, "one\r\n-- b\r\n--bc\r\n --b\r\n", m.Part(0).Body())
	v, ok := "", false
	for f := range m.Part(0).Msg().Fields() {
		if f.Name == "X" {
			v, ok = f.Value, true
		}
	}
	require.True(t, ok)
	require.Equal(t, "y\r\n folded", v)
	require.Equal(t, "no header", m.Part(1).Body())
	require.Equal(t, "text/plain", m.Part(1).Type().String())
	require.Equal(t, "id-3@a", m.Part(2).ID())
	require.Empty(t, m.Part(2).Body())
	require.Empty(t, m.Part(3).Body())
	require.Equal(t, in, m.String())
	for _, ref := range []string{"cid:id-3@a", "CID:id%2D3%40a", "<id-3@a>", "id-3@a"} {
		p, ok := m.ByID(ref)
		require.True(t, ok, ref)
		require.Same(t, m.Part(2), p)
	}
	_, ok = m.ByID("cid:other@a")
	require.False(t, ok)
	d := multipart(t, "multipart/digest;boundary=b", lines("--b", "", "From: x", "--b--"))
	require.Equal(t, "message/rfc822", d.Part(0).Type().String())
}

func TestMultipartErrors(t *testing.T) {
	for name, c := range map[string]struct {
		typ, body string
		lim       msg.Limits
		want      error
		parts     int // -1: no multipart at all
	}{
		"no boundary":     {"", "x\r\n", msg.Limits{}, msg.ErrBoundary, -1},
		"empty boundary":  {`multipart/mixed;boundary=""`, "--\r\n\r\n----", msg.Limits{}, msg.ErrBoundary, -1},
		"long boundary":   {"multipart/mixed;boundary=" + strings.Repeat("b", 71), "", msg.Limits{}, msg.ErrBoundary, -1},
		"ends in space":   {`multipart/mixed;boundary="b "`, "--b \r\n\r\n--b --", msg.Limits{}, msg.ErrBoundary, -1},
		"never there":     {"multipart/mixed;boundary=b", "x", msg.Limits{}, msg.ErrCut, -1},
		"within a line":   {"multipart/mixed;boundary=b", "x--b\r\n\r\nx\r\n--b--", msg.Limits{}, nil, 0},
		"no last":         {"multipart/mixed;boundary=b", "--b\r\n\r\nx\r\n--b\r\n\r\ny", msg.Limits{}, msg.ErrCut, 2},
		"longer boundary": {"multipart/mixed;boundary=b", "--b\r\n\r\nx\r\n--bb--", msg.Limits{}, msg.ErrCut, 1},
		"too many":        {"multipart/mixed;boundary=b", strings.Repeat("--b\r\n\r\n", 65) + "--b--", msg.Limits{}, msg.ErrTooManyParts, 64},
		"just as many":    {"multipart/mixed;boundary=b", strings.Repeat("--b\r\n\r\n", 64) + "--b--", msg.Limits{}, nil, 64},
		"limit of two":    {"multipart/mixed;boundary=b", strings.Repeat("--b\r\n\r\n", 3) + "--b--", msg.Limits{Parts: 2}, msg.ErrTooManyParts, 2},
		"no limit":        {"multipart/mixed;boundary=b", strings.Repeat("--b\r\n\r\n", 300) + "--b--", msg.Limits{Parts: -1}, nil, 300},
	} {
		t.Run(name, func(t *testing.T) {
			typ := msg.MediaType{}
			if c.typ != "" {
				typ = mediaType(t, c.typ)
			}
			m, err := msg.ParseMultipart(typ, c.body, c.lim)
			require.ErrorIs(t, err, c.want)
			if c.want == msg.ErrTooManyParts {
				var e *msg.SyntaxError
				require.ErrorAs(t, err, &e)
				require.Equal(t, 413, e.Status())
			}
			if c.parts < 0 {
				require.Nil(t, m)
				return
			}
			require.Equal(t, c.parts, m.Len())
			require.Equal(t, c.body, m.String())
		})
	}
	bad := multipart(t, "multipart/mixed;boundary=b", "--b\r\nno colon\r\n\r\nx\r\n--b\r\nA: \x00\r\n\r\ny\r\n--b\r\nContent-Type: a\r\n\r\n--b--")
	require.ErrorIs(t, bad.Part(0).Msg().Err(), msg.ErrFieldName)
	require.ErrorIs(t, bad.Part(1).Msg().Err(), msg.ErrControl)
	require.Equal(t, "x", bad.Part(0).Body())
	require.Equal(t, "application/octet-stream", bad.Part(2).Type().String())
}

func TestMultipartNested(t *testing.T) {
	nest := func(n int) string {
		s := "\r\nbottom"
		for i := n; i > 0; i-- {
			b := strings.Repeat("b", i)
			s = "Content-Type: multipart/mixed;boundary=" + b + "\r\n\r\n--" + b + "\r\n" + s + "\r\n--" + b + "--"
		}
		_, body, _ := strings.Cut(s, "\r\n\r\n")
		return body
	}
	for n, want := range map[int]int{1: 1, 8: 8, 9: 8} {
		m := multipart(t, "multipart/mixed;boundary=b", nest(n))
		deepest, parts := 0, 0
		for depth, p := range m.Walk() {
			deepest, parts = max(deepest, depth), parts+1
			if depth == 8 && n == 9 {
				_, err := p.Multipart()
				require.ErrorIs(t, err, msg.ErrTooDeep)
				var e *msg.SyntaxError
				require.ErrorAs(t, err, &e)
				require.Equal(t, 413, e.Status())
			}
		}
		require.Equal(t, want, deepest)
		require.Equal(t, want, parts)
		_, ok := m.Find("text/plain")
		require.Equal(t, n <= 8, ok)
	}
	_, err := msg.ParseMultipart(msg.MediaType{}, "--b\r\n\r\n--b--", msg.Limits{Levels: -1})
	require.NoError(t, err)
	m := multipart(t, "multipart/mixed;boundary=b", "--b\r\n\r\n--b--")
	_, err = m.Part(0).Multipart()
	require.ErrorIs(t, err, msg.ErrNotMultipart)
}

func TestMultipartBuild(t *testing.T) {
	sdp, err := msg.NewPart("application/sdp", "v=0\r\n", msg.ContentID.Set("sdp@a"))
	require.NoError(t, err)
	octets, err := msg.NewPart("application/octet-stream", "\x00--boundary-0000000001\r\n--boundary-0000000002--\r\n", msg.ContentDisposition.Set(msg.Item{Value: "attachment", Params: ";handling=optional"}))
	require.NoError(t, err)
	require.True(t, sdp.Required())
	require.False(t, octets.Required())
	m, err := msg.NewMultipart("mixed", sdp, octets)
	require.NoError(t, err)
	require.Equal(t, "boundary-0000000003", m.Boundary())
	require.Equal(t, "--boundary-0000000003\r\nContent-Type: application/sdp\r\nContent-ID: <sdp@a>\r\n\r\nv=0\r\n\r\n--boundary-0000000003\r\n"+octets.String()+"\r\n--boundary-0000000003--\r\n", m.String())
	again, err := msg.ParseMultipart(m.Type(), m.String(), msg.Limits{})
	require.NoError(t, err)
	require.Equal(t, 2, again.Len())
	require.Equal(t, octets.Body(), again.Part(1).Body())
	require.Equal(t, m.String(), again.String())

	inner, err := again.Nest()
	require.NoError(t, err)
	outer, err := msg.NewMultipart("alternative", sdp, inner)
	require.NoError(t, err)
	require.Equal(t, "boundary-0000000004", outer.Boundary())
	p, ok := outer.Find("application/sdp")
	require.True(t, ok)
	require.NotSame(t, sdp, p, "the last alternative")
	p, ok = outer.ByID("cid:sdp@a")
	require.True(t, ok)
	require.Same(t, sdp, p)

	// Editing one part leaves the others, the preamble and the epilogue as they are.
	read := multipart(t, "multipart/mixed; boundary=b", lines("pre", "--b", "a:  1", "", "one", "--b ", "b:2", "", "two", "--b-- ", "post"))
	one, err := read.Part(0).Edit(msg.Framed("other"), msg.ContentDescription.Set("x"))
	require.NoError(t, err)
	edited, err := read.With(0, one)
	require.NoError(t, err)
	require.Equal(t, lines("pre", "--b", "a:  1", "Content-Description: x", "", "other", "--b", "b:2", "", "two", "--b-- ", "post"), edited.String())
	edited, err = edited.Remove(0)
	require.NoError(t, err)
	require.Equal(t, lines("pre", "--b", "b:2", "", "two", "--b-- ", "post"), edited.String())
	clash, err := msg.NewPart("text/plain", "--b")
	require.NoError(t, err)
	edited, err = edited.Insert(1, clash)
	require.NoError(t, err)
	require.Equal(t, "boundary-0000000001", edited.Boundary())
	require.Equal(t, "multipart/mixed; boundary=boundary-0000000001", strings.ReplaceAll(edited.Type().String(), ";b", "; b"))
	again, err = msg.ParseMultipart(edited.Type(), edited.String(), msg.Limits{})
	require.NoError(t, err)
	require.Equal(t, 2, again.Len())
	require.Equal(t, "--b", again.Part(1).Body())
	require.Equal(t, 2, read.Len(), "what was read stays")
	_, err = read.Remove(0)
	require.NoError(t, err)
	_, err = edited.Remove(0)
	require.NoError(t, err)
	_, err = msg.NewMultipart("mixed")
	require.ErrorIs(t, err, msg.ErrValue)
	_, err = msg.NewMultipart("a b", sdp)
	require.ErrorIs(t, err, msg.ErrValue)
	_, err = msg.NewPart("text", "")
	require.Error(t, err)
	_, err = msg.NewPart("text/plain", "", msg.ContentID.Set("a b"))
	require.ErrorIs(t, err, msg.ErrValue)
	_, err = sdp.Edit(msg.ContentLocation.Set("a\r\nb"))
	require.ErrorIs(t, err, msg.ErrValue)
}

func TestMultipartMessage(t *testing.T) {
	p, err := msg.NewPart("text/plain", "x")
	require.NoError(t, err)
	mp, err := msg.NewMultipart("mixed", p)
	require.NoError(t, err)
	m, err := parse(t, head+"\r\n").Edit(mp.Set())
	require.NoError(t, err)
	m = parse(t, m.String())
	again, err := m.Multipart(msg.Limits{})
	require.NoError(t, err)
	require.Equal(t, mp.String(), again.String())
	_, err = parse(t, head+"Content-Type: text/plain\r\n\r\n--b\r\n\r\n--b--").Multipart(msg.Limits{})
	require.ErrorIs(t, err, msg.ErrNotMultipart)
	_, err = parse(t, head+"Content-Type: x\r\n\r\n--b\r\n\r\n--b--").Multipart(msg.Limits{})
	require.ErrorIs(t, err, msg.ErrSyntax)
	again, err = parse(t, head+"\r\n--b\r\n\r\n--b--").Multipart(msg.Limits{})
	require.NoError(t, err)
	require.Equal(t, "b", again.Boundary())
}

func TestPartContent(t *testing.T) {
	for _, c := range []struct {
		encoding, body, want string
		err                  error
	}{
		{"", "a=\r\n", "a=\r\n", nil}, {"Binary", "\x00", "\x00", nil}, {"8bit", "ü", "ü", nil}, {"7BIT", "a", "a", nil},
		{"base64", "aGVs\r\nbG8=\r\n", "hello", nil}, {"Base64", "a!", "", msg.ErrSyntax},
		{"quoted-printable", "a=C3=BC=\r\nb", "aüb", nil},
		{"x-uuencode", "a", "", msg.ErrEncoding},
	} {
		set := []msg.Setter{}
		if c.encoding != "" {
			set = append(set, msg.ContentTransferEncoding.Set(c.encoding))
		}
		p, err := msg.NewPart("text/plain", c.body, set...)
		require.NoError(t, err)
		got, err := p.Content()
		require.ErrorIs(t, err, c.err, c.encoding)
		require.Equal(t, c.want, got)
	}
}

func TestMultipartRoot(t *testing.T) {
	body := lines("--b", "Content-ID: <a@x>", "", "one", "--b", "Content-ID: <b@x>", "", "two", "--b--")
	require.Equal(t, "one", multipart(t, "multipart/related;boundary=b", body).Root().Body())
	require.Equal(t, "two", multipart(t, `multipart/related;boundary=b;start="<b@x>"`, body).Root().Body())
	require.Equal(t, "one", multipart(t, `multipart/related;boundary=b;start="<c@x>"`, body).Root().Body())
	require.Nil(t, multipart(t, "multipart/related;boundary=b", "--b--").Root())
}

// TestMultipartLinear: what looks like a boundary all the time costs no more.
func TestMultipartLinear(t *testing.T) {
	for _, s := range []string{"--b", "\n--b", "\n--bb\n", "--", "-", "\r\n", "\n--b-", "boundary-0000000001", "a:b\n", "\n "} {
		body := strings.Repeat(s, (64<<10)/len(s))
		start := time.Now()
		for _, typ := range []msg.MediaType{{}, {Type: "multipart", Subtype: "mixed", Params: ";boundary=b"}} {
			m, _ := msg.ParseMultipart(typ, "--b\r\n\r\n"+body, msg.Limits{Parts: -1})
			if m != nil {
				for range m.Walk() {
				}
			}
		}
		p, err := msg.NewPart("text/plain", body)
		require.NoError(t, err)
		_, err = msg.NewMultipart("mixed", p)
		require.NoError(t, err)
		require.Less(t, time.Since(start), 2*time.Second, "%q", s)
	}
}

func FuzzMultipart(f *testing.F) {
	for _, c := range corpus(f) {
		f.Add(c[0], c[1])
	}
	f.Add("multipart/mixed;boundary=b", "pre\r\n--b\r\na: b\n c\n\nx\n--b --\n--b--")
	f.Add("", "--b\n\n--b--")
	f.Fuzz(func(t *testing.T, typ, body string) {
		mt, err := msg.ParseMediaType(typ)
		if err != nil {
			mt = msg.MediaType{}
		}
		m, err := msg.ParseMultipart(mt, body, msg.Limits{})
		if m == nil {
			return
		}
		require.Equal(t, body, m.String())
		var texts []string
		for _, p := range m.Walk() {
			_, _ = p.Content()
			_ = p.ID()
			require.LessOrEqual(t, len(p.String()), len(body))
		}
		if err != nil || m.Len() == 0 {
			return
		}
		for _, p := range m.Parts() {
			texts = append(texts, p.String())
		}
		// Written anew, it has the same parts; so it has beside another one.
		extra, err := msg.NewPart("text/plain", body)
		require.NoError(t, err)
		more, err := m.Insert(m.Len(), extra)
		require.NoError(t, err)
		again, err := msg.ParseMultipart(more.Type(), more.String(), msg.Limits{Parts: -1})
		require.NoError(t, err)
		require.Equal(t, len(texts)+1, again.Len())
		for i, s := range texts {
			require.Equal(t, s, again.Part(i).String())
		}
		require.Equal(t, body, again.Part(m.Len()).Body())
	})
}

func TestMultipartIndexes(t *testing.T) {
	p, err := msg.NewPart("text/plain", "x")
	require.NoError(t, err)
	m, err := msg.NewMultipart("mixed", p)
	require.NoError(t, err)
	for _, i := range []int{-1, 1, 7} {
		_, err = m.With(i, p)
		require.ErrorIs(t, err, msg.ErrValue)
		_, err = m.Remove(i)
		require.ErrorIs(t, err, msg.ErrValue)
	}
	for _, i := range []int{-1, 2} {
		_, err = m.Insert(i, p)
		require.ErrorIs(t, err, msg.ErrValue)
	}
	_, err = m.With(0, nil)
	require.ErrorIs(t, err, msg.ErrValue)
	_, err = msg.NewMultipart("mixed", p, nil)
	require.ErrorIs(t, err, msg.ErrValue)

	// A boundary that came without the quotes that it needs gets them.
	typ, err := msg.ParseMediaType("multipart/mixed;boundary=a/b")
	require.NoError(t, err)
	m, err = msg.ParseMultipart(typ, "--a/b\r\n\r\nx\r\n--a/b--\r\n", msg.Limits{})
	require.NoError(t, err)
	m, err = m.Insert(1, p)
	require.NoError(t, err)
	require.Equal(t, `multipart/mixed;boundary="a/b"`, m.Type().String())
}
