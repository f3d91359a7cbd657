//go:build linux

package interop

import (
	"testing"

	"github.com/gosofia/sofia/internal/leak"
	"github.com/gosofia/sofia/interop/internal/lab"
)

// peers is the lab all tests of this package share.
var peers = lab.New()

func TestMain(m *testing.M) { leak.Main(m, peers.Close) }
