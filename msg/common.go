package msg

import (
	"strconv"
	"time"

	"github.com/gosofia/sofia/internal/scan"
)

// The headers that SIP and HTTP share, as RFC 3261 section 20 defines them.
const (
	ContentLength      = Header[uint32, SecondsCodec](IDContentLength)
	ContentType        = Header[MediaType, MediaTypeCodec](IDContentType)
	ContentEncoding    = Header[string, TokenCodec](IDContentEncoding)
	ContentLanguage    = Header[string, TokenCodec](IDContentLanguage)
	ContentDisposition = Header[Item, ItemCodec](IDContentDisposition)
	Date               = Header[time.Time, DateCodec](IDDate)
	Expires            = Header[uint32, SecondsCodec](IDExpires)
	MaxForwards        = Header[uint8, HopsCodec](IDMaxForwards)
	MIMEVersion        = Header[string, TokenCodec](IDMIMEVersion)
	Accept             = Header[MediaType, MediaTypeCodec](IDAccept)
	AcceptEncoding     = Header[Item, ItemCodec](IDAcceptEncoding)
	AcceptLanguage     = Header[Item, ItemCodec](IDAcceptLanguage)
	Allow              = Header[string, TokenCodec](IDAllow)
	Server             = Header[string, TextCodec](IDServer)
	UserAgent          = Header[string, TextCodec](IDUserAgent)
	RetryAfter         = Header[Retry, RetryCodec](IDRetryAfter)
	Warning            = Header[WarningValue, WarningCodec](IDWarning)
)

// DateCodec reads and writes Date: RFC 1123 with four-digit year and GMT, in
// whole seconds, and nothing else (RFC 3261 section 20.17). Times are in UTC.
type DateCodec struct{}

const dateLayout = "Mon, 02 Jan 2006 15:04:05 GMT"

// Parse implements [Codec].
func (DateCodec) Parse(s string) (time.Time, string, error) {
	if len(s) != len(dateLayout) {
		return time.Time{}, "", ErrSyntax
	}
	if t, ok := date(s); ok {
		return t, "", nil
	}
	t, err := time.ParseInLocation(dateLayout, s, time.UTC) // an hour of one digit, white space
	if err != nil {
		return time.Time{}, "", ErrSyntax
	}
	const lower = 0x20 // the bit; an RFC 1123 date compares with case (RFC 3261 section 20.17)
	if s[0]&lower != 0 || s[1]&s[2]&lower == 0 || s[8]&lower != 0 || s[9]&s[10]&lower == 0 {
		return time.Time{}, "", ErrSyntax
	}
	return t, "", nil
}

// date reads a date that is written octet for octet as the layout has it.
func date(s string) (t time.Time, ok bool) {
	if len(s) != len(dateLayout) || s[3:5] != ", " || s[7] != ' ' || s[11] != ' ' || s[16] != ' ' ||
		s[19] != ':' || s[22] != ':' || s[25:] != " GMT" {
		return t, false
	}
	month := named(s[8:11], "JanFebMarAprMayJunJulAugSepOctNovDec")
	day, hour, minute, second := twoDigits(s, 5), twoDigits(s, 17), twoDigits(s, 20), twoDigits(s, 23)
	century, year := twoDigits(s, 12), twoDigits(s, 14)
	if named(s[:3], "SunMonTueWedThuFriSat") < 0 || month < 0 || day < 1 || century < 0 || year < 0 ||
		uint(hour) > 23 || uint(minute) > 59 || uint(second) > 59 {
		return t, false
	}
	t = time.Date(century*100+year, time.Month(month+1), day, hour, minute, second, 0, time.UTC)
	return t, t.Day() == day // that month has so many
}

// named returns which of the names of three letters in list s is, -1 if none.
func named(s, list string) int {
	for i := 0; i+3 <= len(list); i += 3 {
		if list[i:i+3] == s {
			return i / 3
		}
	}
	return -1
}

// twoDigits returns the number of two digits at i, -1 if it is none.
func twoDigits(s string, i int) int {
	hi, lo := s[i]-'0', s[i+1]-'0'
	if hi > 9 || lo > 9 {
		return -1
	}
	return int(hi)*10 + int(lo)
}

// Append implements [Codec]. Fractions of a second are cut off.
func (DateCodec) Append(dst []byte, v time.Time) ([]byte, error) {
	v = v.UTC()
	if v.Year() < 0 || v.Year() > 9999 {
		return dst, ErrValue
	}
	return v.AppendFormat(dst, dateLayout), nil
}

// Retry is the value of Retry-After (RFC 3261 section 20.33).
type Retry struct {
	Seconds uint32 // to wait
	Comment string // the text in parentheses without them, as written
	Params  Params // duration
}

// RetryCodec reads and writes a [Retry].
//
//	Retry-After = delta-seconds [ comment ] *( SEMI retry-param )
type RetryCodec struct{}

// Parse implements [Codec].
func (RetryCodec) Parse(s string) (Retry, string, error) {
	i := scan.Digits(s, 0)
	n, err := number(s[:i], 1<<32-1)
	if err != nil {
		return Retry{}, "", err
	}
	v := Retry{Seconds: uint32(n)}
	if j := scan.Space(s, i); j < len(s) && s[j] == '(' {
		end := comment(s, j)
		if end < 0 {
			return Retry{}, "", ErrSyntax
		}
		v.Comment, i = s[j+1:end-1], end
	}
	p, rest, ok := takeParams(s, i)
	if !ok {
		return Retry{}, "", ErrSyntax
	}
	v.Params = p
	return v, rest, nil
}

// comment returns the end of the comment at i, -1 if it does not end. Nesting
// is counted, not recursed into.
func comment(s string, i int) int {
	depth := 0
	for ; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}

// Append implements [Codec].
func (RetryCodec) Append(dst []byte, v Retry) ([]byte, error) {
	if !v.Params.Valid() {
		return dst, ErrValue
	}
	dst = strconv.AppendUint(dst, uint64(v.Seconds), 10)
	if v.Comment != "" {
		if in := "(" + v.Comment + ")"; comment(in, 0) != len(in) || scan.HasControl(in) {
			return dst, ErrValue
		}
		dst = append(append(append(dst, " ("...), v.Comment...), ')')
	}
	return append(dst, v.Params...), nil
}

// WarningValue is a value of Warning (RFC 3261 section 20.43).
type WarningValue struct {
	Code  int    // 100 to 999
	Agent string // host, with a port maybe, or a pseudonym
	Text  string // decoded
}

// WarningCodec reads and writes a [WarningValue].
//
//	warning-value = warn-code SP warn-agent SP warn-text
type WarningCodec struct{}

// Parse implements [Codec].
func (WarningCodec) Parse(s string) (WarningValue, string, error) {
	i := scan.Digits(s, 0)
	lo := scan.Space(s, i)
	hi := scan.Value(s, lo)
	q := scan.Space(s, hi)
	if i != 3 || s[0] == '0' || lo == i || hi == lo || q == hi || q == len(s) || s[q] != '"' {
		return WarningValue{}, "", ErrSyntax
	}
	end, ok := scan.Quoted(s, q)
	rest := scan.Space(s, end)
	if !ok || rest < len(s) && s[rest] != ',' {
		return WarningValue{}, "", ErrSyntax
	}
	n, _, _ := scan.Uint(s[:i], 999)
	return WarningValue{Code: int(n), Agent: s[lo:hi], Text: scan.Unquote(s[q:end])}, s[rest:], nil
}

// Append implements [Codec].
func (WarningCodec) Append(dst []byte, v WarningValue) ([]byte, error) {
	if v.Code < 100 || v.Code > 999 || !scan.IsValue(v.Agent) || hasLineOctet(v.Text) {
		return dst, ErrValue
	}
	dst = append(strconv.AppendUint(dst, uint64(v.Code), 10), ' ')
	dst = append(append(dst, v.Agent...), ' ')
	return scan.AppendQuoted(dst, v.Text), nil
}
