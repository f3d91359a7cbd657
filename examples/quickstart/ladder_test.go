package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestArrow(t *testing.T) {
	require.Equal(t, "|----------- INVITE ---------->|                             |", arrow(3, 0, 1, "INVITE"))
	require.Equal(t, "|                             |<---------- 200 OK -----------|", arrow(3, 2, 1, "200 OK"))
}
