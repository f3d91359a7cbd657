package own_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/internal/leak"
	"github.com/gosofia/sofia/internal/own"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestSoleCostsNothing(t *testing.T) {
	require.Zero(t, testing.AllocsPerRun(10, func() { func(own.Sole) {}(own.Sole{}) }))
}
