package msg_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
)

// A date is what package time makes of it, for every day of the years around
// those where leap years are special, and for what is out of range.
func TestDateIsThatOfTime(t *testing.T) {
	const layout = "Mon, 02 Jan 2006 15:04:05 GMT"
	months := []string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "jan", "Juni"}
	n := 0
	for _, year := range []int{0, 1, 1900, 1999, 2000, 2023, 2024, 9999} {
		for _, month := range months {
			for day := range 33 {
				s := fmt.Sprintf("Tue, %02d %s %04d %02d:%02d:%02d GMT", day, month, year, n%25, n%61, n%62)
				n++
				want, err := time.ParseInLocation(layout, s, time.UTC)
				got, rest, gotErr := msg.DateCodec{}.Parse(s)
				if err != nil || month == "jan" {
					require.ErrorIs(t, gotErr, msg.ErrSyntax, s)
					continue
				}
				require.NoError(t, gotErr, s)
				require.Empty(t, rest)
				require.Equal(t, want, got, s)
			}
		}
	}
}
