package sip

import (
	"encoding/hex"

	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// The private headers of 3GPP networks (RFC 7315 and others). They are used
// within a trust domain only. Errors: msg.ErrSyntax, and those of addresses.
const (
	// PAssociatedURI lists the URIs that the registrar gave a user (RFC 7315
	// section 4.1): a comma list of addresses, may be empty and may repeat.
	PAssociatedURI = AddrHeader(IDPAssociatedURI)
	// PCalledPartyID is the Request-URI before retargeting (RFC 7315 section 4.2).
	PCalledPartyID = AddrHeader(IDPCalledPartyID)
	// PVisitedNetworkID names the visited network (RFC 7315 section 4.3): tokens
	// or text in a comma list that may repeat.
	PVisitedNetworkID = msg.Header[msg.Item, TextItemCodec[msg.Item]](IDPVisitedNetworkID)
	// PAccessNetworkInfo tells the access technology (RFC 7315 section 4.4):
	// "3GPP-UTRAN-TDD;utran-cell-id-3gpp=…", a comma list.
	PAccessNetworkInfo = msg.Header[msg.Item, ItemCodec[msg.Item]](IDPAccessNetworkInfo)
	// PChargingFunctionAddresses are where charging data go (RFC 7315 section 4.5),
	// as parameters ccf, ecf, ccf-2, ecf-2; a comma list.
	PChargingFunctionAddresses = msg.Header[Charging, ChargingCodec](IDPChargingFunctionAddresses)
	// PChargingVector correlates charging data (RFC 7315 section 4.6), with the
	// parameters icid-value, icid-generated-at, orig-ioi, term-ioi. It stands once.
	PChargingVector = msg.Header[Charging, ChargingCodec](IDPChargingVector)
	// PServedUser is the user whose services apply (RFC 5502 section 6), with the
	// parameters sescase and regstate. It stands once.
	PServedUser = AddrHeader(IDPServedUser)
	// PProfileKey is the key of a service profile (RFC 5002 section 5). It stands
	// once.
	PProfileKey = AddrHeader(IDPProfileKey)
	// PRefusedURIList lists addresses that a list server refused (RFC 5318 section
	// 5): a comma list that may repeat.
	PRefusedURIList = AddrHeader(IDPRefusedURIList)
	// PAnswerState tells how a push-to-talk server answered (RFC 4964 section 7):
	// Confirmed, Unconfirmed or another token. It stands once.
	PAnswerState = msg.Header[msg.Item, ItemCodec[msg.Item]](IDPAnswerState)
	// PAssertedService names the service of a request (RFC 6050 section 4.1): URNs
	// of the form urn:urn-7:…, a comma list.
	PAssertedService = msg.Header[URI, URICodec](IDPAssertedService)
	// PPreferredService names the service that the user wants (RFC 6050 section 4.2).
	PPreferredService = msg.Header[URI, URICodec](IDPPreferredService)
	// PPrivateNetworkIndication marks traffic of a private network (RFC 7316
	// section 9): a domain name with parameters. It stands once.
	PPrivateNetworkIndication = msg.Header[msg.Item, ItemCodec[msg.Item]](IDPPrivateNetworkIndication)
	// PChargeInfo is who pays (RFC 8496 section 5). It stands once.
	PChargeInfo = AddrHeader(IDPChargeInfo)
)

// Charging is a value that consists of parameters only.
type Charging struct {
	Params msg.Params // each with its ";", which the first one has not in the message
}

// Param returns a parameter without quotes; ok is false if it is not there.
func (c Charging) Param(name string) (value string, ok bool) { return c.Params.Get(name) }

// ICID returns the charging identifier of P-Charging-Vector, "" if there is none.
func (c Charging) ICID() string { return tagParam(c.Params, "icid-value") }

// ChargingCodec reads and writes a [Charging].
//
//	value = generic-param *( SEMI generic-param )
type ChargingCodec struct{}

// Parse implements [msg.Codec].
func (ChargingCodec) Parse(s string) (Charging, string, error) {
	i := scan.Token(s, 0)
	if i == 0 {
		return Charging{}, "", msg.ErrSyntax
	}
	if j := scan.Space(s, i); j < len(s) && s[j] == '=' {
		i, j = scan.Space(s, j+1), 0
		ok := true
		if i < len(s) && s[i] == '"' {
			j, ok = scan.Quoted(s, i)
		} else {
			j = scan.Value(s, i)
		}
		if !ok || j == i {
			return Charging{}, "", msg.ErrSyntax
		}
		i = j
	}
	p, rest, err := tail(s, i)
	if err != nil {
		return Charging{}, "", err
	}
	if p != "" {
		i += scan.Space(s[i:], 0) + len(p)
	}
	// The first parameter gets the semicolon that it lacks, at the price of an
	// allocation.
	return Charging{msg.Params(";" + s[:i])}, rest, nil
}

// Append implements [msg.Codec].
func (ChargingCodec) Append(dst []byte, v Charging) ([]byte, error) {
	if len(v.Params) < 2 || v.Params[0] != ';' || !v.Params.Valid() {
		return dst, msg.ErrValue
	}
	return append(dst, v.Params[scan.Space(string(v.Params), 1):]...), nil
}

// URICodec reads and writes a URI without brackets, which ends before a comma.
type URICodec struct{}

// Parse implements [msg.Codec].
func (URICodec) Parse(s string) (URI, string, error) {
	i := 0
	for i < len(s) && s[i] != ',' && !scan.IsSpace(s[i]) {
		i++
	}
	var u URI
	if err := u.parse(s[:i]); err != nil {
		return URI{}, "", err
	}
	rest := scan.Space(s, i)
	if rest < len(s) && s[rest] != ',' {
		return URI{}, "", msg.ErrSyntax
	}
	return u, s[rest:], nil
}

// Append implements [msg.Codec].
func (URICodec) Append(dst []byte, v URI) ([]byte, error) {
	at := len(dst)
	dst, err := v.appendValid(dst)
	if err != nil {
		return dst, err
	}
	for _, c := range dst[at:] {
		if c == ',' {
			return dst[:at], msg.ErrValue
		}
	}
	return dst, nil
}

// HexCodec reads and writes hexadecimal digits.
//
//	P-Media-Authorization-Token = 1*HEXDIG
type HexCodec struct{}

// Parse implements [msg.Codec].
func (HexCodec) Parse(s string) (string, string, error) {
	i := 0
	for i < len(s) && scan.IsHex(s[i]) {
		i++
	}
	rest := scan.Space(s, i)
	if i == 0 || rest < len(s) && s[rest] != ',' {
		return "", "", msg.ErrSyntax
	}
	return s[:i], s[rest:], nil
}

// Append implements [msg.Codec].
func (HexCodec) Append(dst []byte, v string) ([]byte, error) {
	for i := range len(v) {
		if !scan.IsHex(v[i]) {
			return dst, msg.ErrValue
		}
	}
	if v == "" {
		return dst, msg.ErrValue
	}
	return append(dst, v...), nil
}

// HexBytes decodes a token of P-Media-Authorization. It fails with msg.ErrSyntax
// if the number of digits is odd or one is none.
func HexBytes(token string) ([]byte, error) {
	b, err := hex.DecodeString(token)
	if err != nil {
		return nil, msg.ErrSyntax
	}
	return b, nil
}
