package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestArrow(t *testing.T) {
	gap := strings.Repeat(" ", columnWidth-1)
	require.Equal(t, "|------------- INVITE ------------->|"+gap+"|", arrow(3, 0, 1, "INVITE"))
	require.Equal(t, "|"+gap+"|<------------ 200 OK --------------|", arrow(3, 2, 1, "200 OK"))
	long := arrow(3, 1, 0, strings.Repeat("x", 100))
	require.Len(t, long, 2*columnWidth+1, "a long label does not move the columns")
	require.True(t, strings.HasPrefix(long, "|<"))
}
