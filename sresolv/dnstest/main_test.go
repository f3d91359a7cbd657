package dnstest

import (
	"testing"

	"github.com/gosofia/sofia/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }
