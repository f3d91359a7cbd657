package main

import (
	"bytes"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestQuickstartTellsTheWholeStory(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		var out, errs bytes.Buffer
		leak.Check(t, func() {
			require.Zero(t, run([]string{"-transport", transport}, &out, &errs), "%s\n%s", out.String(), errs.String())
		})
		require.Empty(t, errs.String())
		text := out.String()
		for _, want := range []string{
			"refused, as it should be", `-+ REGISTER -+>\|`, `<-+ 401 Unauthorized -+`, `-+ INVITE -+>\|`, `<-+ 180 Ringing -+`,
			`<-+ 200 OK -+`, `-+ ACK -+>\|`, `-+ MESSAGE -+>\|`, `bob reads: "Can you hear me\?"`, `<-+ BYE -+`,
			`done: 2 registrations, 1 call, \d+ messages \(\d+ requests\) over ` + transport,
		} {
			require.Regexp(t, regexp.MustCompile(want), text)
		}
	}
}

func TestQuickstartRefusesNonsense(t *testing.T) {
	var out, errs bytes.Buffer
	require.Equal(t, 2, run([]string{"-transport", "sctp"}, &out, &errs))
	require.Contains(t, errs.String(), "udp or tcp")
}
