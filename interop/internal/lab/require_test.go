//go:build linux

package lab

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseMode(t *testing.T) {
	for in, want := range map[string]mode{
		"": modeOff, "0": modeOff, "1": modeOn, "require": modeRequire, "yes": modeBad, "Require": modeBad,
	} {
		require.Equal(t, want, parseMode(in), "%q", in)
	}
}

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		name    string
		mode    mode
		missing []string
		want    verdict
		why     string
	}{
		{"off", modeOff, nil, skip, "set SOFIA_INTEROP=1"},
		{"off, missing", modeOff, []string{"kamailio"}, skip, "not installed: kamailio"},
		{"on", modeOn, nil, run, ""},
		{"on, missing", modeOn, []string{"sipp", "baresip"}, skip, "not installed: sipp, baresip"},
		{"require", modeRequire, nil, run, ""},
		{"require, missing", modeRequire, []string{"sipp"}, fail, "not installed: sipp; run interop/lab/install.sh"},
		{"bad", modeBad, nil, fail, "SOFIA_INTEROP must be"},
		{"bad, missing", modeBad, []string{"sipp"}, fail, "SOFIA_INTEROP must be"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, why := judge(c.mode, c.missing)
			require.Equal(t, c.want, v)
			require.Contains(t, why, c.why)
		})
	}
}

func TestInstalled(t *testing.T) {
	require.True(t, installed("sh"))
	require.False(t, installed("no-such-program-here"))
}

// Every service of up.sh has its programs listed.
func TestPrograms(t *testing.T) {
	l := New()
	var err error
	l.home, err = home()
	require.NoError(t, err)
	if !installed("bash") {
		t.Skip("bash is not installed")
	}
	out, err := l.script("up.sh", "list").Output()
	require.NoError(t, err)
	services := parseLines(string(out))
	require.Contains(t, services, "kamailio-registrar")
	for _, s := range services {
		require.NotEmpty(t, programs(t, []string{s}), s)
	}
}
