package http

import (
	"strconv"
	"strings"
	"time"

	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// TimeCodec reads and writes an HTTP-date (RFC 9110 section 5.6.7), to the second
// and in UTC: the three forms are read, the first is written.
//
//	HTTP-date = IMF-fixdate / rfc850-date / asctime-date
type TimeCodec struct{}

const (
	fixdate = "Mon, 02 Jan 2006 15:04:05 GMT"
	rfc850  = "Monday, 02-Jan-06 15:04:05 GMT"
	asctime = "Mon Jan _2 15:04:05 2006"
)

// Parse implements [msg.Codec].
func (TimeCodec) Parse(s string) (time.Time, string, error) {
	if t, ok := parseFixdate(s); ok {
		return t, "", nil
	}
	if strings.HasSuffix(s, " GMT") {
		if t, err := time.ParseInLocation(rfc850, s, time.UTC); err == nil {
			return t, "", nil
		}
		return time.Time{}, "", msg.ErrSyntax
	}
	if t, err := time.ParseInLocation(asctime, s, time.UTC); err == nil && len(s) == len(asctime) {
		return t, "", nil
	}
	return time.Time{}, "", msg.ErrSyntax
}

// parseFixdate reads the form that is sent; package time takes ten times as long.
//
//	IMF-fixdate = day-name "," SP day SP month SP year SP time-of-day SP GMT
func parseFixdate(s string) (t time.Time, ok bool) {
	if len(s) != len(fixdate) || s[3:5] != ", " || s[7] != ' ' || s[11] != ' ' || s[16] != ' ' ||
		s[19] != ':' || s[22] != ':' || s[25:] != " GMT" {
		return t, false
	}
	weekday, month := days3(s[:3]), months3(s[8:11])
	num := func(lo, hi int) int {
		n := 0
		for i := lo; i < hi; i++ {
			if !scan.IsDigit(s[i]) {
				return -1
			}
			n = n*10 + int(s[i]-'0')
		}
		return n
	}
	day, year, hour, minute, second := num(5, 7), num(12, 16), num(17, 19), num(20, 22), num(23, 25)
	if weekday < 0 || month < 0 || day < 1 || year < 0 || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
		second < 0 || second > 60 {
		return t, false
	}
	t = time.Date(year, time.Month(month+1), day, hour, minute, second, 0, time.UTC)
	return t, second == 60 || t.Day() == day // no 31 February; a leap second runs over
}

func days3(s string) int {
	return three("SunMonTueWedThuFriSat", s)
}

func months3(s string) int {
	return three("JanFebMarAprMayJunJulAugSepOctNovDec", s)
}

// three returns which of the names of three letters in list s is, -1 if none.
func three(list, s string) int {
	for i := 0; i < len(list); i += 3 {
		if list[i:i+3] == s {
			return i / 3
		}
	}
	return -1
}

// Append implements [msg.Codec]. Fractions of a second are cut off.
func (TimeCodec) Append(dst []byte, v time.Time) ([]byte, error) {
	t := v.UTC()
	if t.Year() < 0 || t.Year() > 9999 {
		return dst, msg.ErrValue
	}
	return t.AppendFormat(dst, fixdate), nil
}

// Retry is the value of Retry-After (RFC 9110 section 10.2.3): a date, or
// seconds if the date is zero.
type Retry struct {
	Date    time.Time // when to try again
	Seconds uint32    // how long to wait
}

// RetryCodec reads and writes a [Retry].
//
//	Retry-After = HTTP-date / delay-seconds
type RetryCodec struct{}

// Parse implements [msg.Codec].
func (RetryCodec) Parse(s string) (Retry, string, error) {
	if s != "" && scan.IsDigit(s[0]) {
		n, rest, err := msg.SecondsCodec{}.Parse(s)
		return Retry{Seconds: n}, rest, err
	}
	t, rest, err := TimeCodec{}.Parse(s)
	return Retry{Date: t}, rest, err
}

// Append implements [msg.Codec].
func (RetryCodec) Append(dst []byte, v Retry) ([]byte, error) {
	switch {
	case v.Date.IsZero():
		return strconv.AppendUint(dst, uint64(v.Seconds), 10), nil
	case v.Seconds != 0:
		return dst, msg.ErrValue
	}
	return TimeCodec{}.Append(dst, v.Date)
}

// WarningValue is a value of Warning (RFC 7234 section 5.5).
type WarningValue struct {
	Code  int       // 100 to 999
	Agent string    // host, with a port maybe, or a pseudonym
	Text  string    // decoded
	Date  time.Time // zero if there is none
}

// WarningCodec reads and writes a [WarningValue].
//
//	warning-value = warn-code SP warn-agent SP warn-text [ SP warn-date ]
type WarningCodec struct{}

// Parse implements [msg.Codec].
func (WarningCodec) Parse(s string) (WarningValue, string, error) {
	i := scan.Digits(s, 0)
	lo := scan.Space(s, i)
	hi := scan.Value(s, lo)
	q := scan.Space(s, hi)
	if i != 3 || s[0] == '0' || lo == i || hi == lo || q == hi || q == len(s) || s[q] != '"' {
		return WarningValue{}, "", msg.ErrSyntax
	}
	end, ok := scan.Quoted(s, q)
	if !ok {
		return WarningValue{}, "", msg.ErrSyntax
	}
	n, _, _ := scan.Uint(s[:i], 999)
	v := WarningValue{Code: int(n), Agent: s[lo:hi], Text: scan.Unquote(s[q:end])}
	if i = scan.Space(s, end); i > end && i < len(s) && s[i] == '"' {
		if end, ok = scan.Quoted(s, i); !ok {
			return WarningValue{}, "", msg.ErrSyntax
		}
		t, _, err := TimeCodec{}.Parse(scan.Unquote(s[i:end]))
		if err != nil {
			return WarningValue{}, "", err
		}
		v.Date = t
	}
	rest, err := after(s, end)
	if err != nil {
		return WarningValue{}, "", err
	}
	return v, rest, nil
}

// Append implements [msg.Codec].
func (WarningCodec) Append(dst []byte, v WarningValue) ([]byte, error) {
	if v.Code < 100 || v.Code > 999 || !scan.IsValue(v.Agent) || scan.HasControl(v.Text) {
		return dst, msg.ErrValue
	}
	dst = append(strconv.AppendUint(dst, uint64(v.Code), 10), ' ')
	dst = append(append(dst, v.Agent...), ' ')
	dst = scan.AppendQuoted(dst, v.Text)
	if v.Date.IsZero() {
		return dst, nil
	}
	dst, err := TimeCodec{}.Append(append(dst, ` "`...), v.Date)
	return append(dst, '"'), err
}
