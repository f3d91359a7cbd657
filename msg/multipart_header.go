package msg

import (
	"encoding/base64"
	"io"
	"mime/quotedprintable"
	"net/url"
	"strings"

	"github.com/gosofia/sofia/internal/scan"
)

// The IDs of the headers of body parts; classes may know them too.
const (
	IDContentID ID = 48 + iota
	IDContentTransferEncoding
	IDContentLocation
	IDContentDescription
)

// The headers of body parts (RFC 2045, RFC 2392, RFC 2557). Content-Type,
// Content-Disposition, Content-Language and Content-Encoding are those of
// messages.
const (
	// ContentID names a part, without its "<" and ">" (RFC 2392). SIP messages may
	// have it too (RFC 8262).
	ContentID = Header[string, ContentIDCodec](IDContentID)
	// ContentTransferEncoding is how the part is written, see [Part.Content].
	ContentTransferEncoding = Header[string, TokenCodec](IDContentTransferEncoding)
	// ContentLocation is a URI of the part (RFC 2557 section 4).
	ContentLocation = Header[string, TextCodec](IDContentLocation)
	// ContentDescription is a text for people (RFC 2045 section 8).
	ContentDescription = Header[string, TextCodec](IDContentDescription)
)

// mime is the class of body parts.
var mime = NewClass(ClassConfig{Version: "MIME/1.0", Headers: append(Common(), []HeaderInfo{
	{ID: IDContentID, Name: "Content-ID"},
	{ID: IDContentTransferEncoding, Name: "Content-Transfer-Encoding", Critical: true},
	{ID: IDContentLocation, Name: "Content-Location"},
	{ID: IDContentDescription, Name: "Content-Description"},
}...)})

// ContentIDCodec reads and writes a Content-ID, with "<" and ">" outside and
// without them inside. It reads one that lacks them.
//
//	id = "<" addr-spec ">"    (RFC 2392 section 2)
type ContentIDCodec struct{}

// Parse implements [Codec].
func (ContentIDCodec) Parse(s string) (string, string, error) {
	if strings.HasPrefix(s, "<") && strings.HasSuffix(s, ">") {
		s = s[1 : len(s)-1]
	}
	if !validContentID(s) {
		return "", "", ErrSyntax
	}
	return s, "", nil
}

// Append implements [Codec].
func (ContentIDCodec) Append(dst []byte, v string) ([]byte, error) {
	if !validContentID(v) {
		return dst, ErrValue
	}
	return append(append(append(dst, '<'), v...), '>'), nil
}

func validContentID(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == '<' || c == '>' || c == 0x7f {
			return false
		}
	}
	return s != ""
}

// cid returns what a reference means: a cid: URL, or the Content-ID itself with
// or without "<" and ">".
func cid(ref string) string {
	if scan.HasPrefixFold(ref, "cid:") { // RFC 2392 section 2: percent-encoded
		if s, err := url.PathUnescape(ref[len("cid:"):]); err == nil {
			return s
		}
		return ref[len("cid:"):]
	}
	if strings.HasPrefix(ref, "<") && strings.HasSuffix(ref, ">") {
		return ref[1 : len(ref)-1]
	}
	return ref
}

// transferDecode undoes a content transfer encoding (RFC 2045 section 6).
func transferDecode(encoding, s string) (string, error) {
	switch {
	case encoding == "", scan.EqualFold(encoding, "7bit"), scan.EqualFold(encoding, "8bit"), scan.EqualFold(encoding, "binary"):
		return s, nil
	case scan.EqualFold(encoding, "base64"): // white space and what else is no digit counts for nothing
		b, err := base64.StdEncoding.DecodeString(strings.Map(func(r rune) rune {
			if r <= ' ' {
				return -1
			}
			return r
		}, s))
		if err != nil {
			return "", ErrSyntax
		}
		return string(b), nil
	case scan.EqualFold(encoding, "quoted-printable"):
		b, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(s)))
		if err != nil {
			return "", ErrSyntax
		}
		return string(b), nil
	}
	return "", ErrEncoding
}
