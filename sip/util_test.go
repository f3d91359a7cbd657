package sip_test

import "encoding/hex"

func hexOf(s string) string { return hex.EncodeToString([]byte(s)) }
