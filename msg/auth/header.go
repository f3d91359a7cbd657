package auth

import "github.com/gosofia/sofia/msg"

// The headers of authentication, the same in every message class.
const (
	// WWWAuthenticate carries the challenges of a 401 (RFC 3261 section 20.44).
	WWWAuthenticate = msg.Header[Challenge, ChallengeCodec](msg.IDWWWAuthenticate)
	// ProxyAuthenticate carries the challenges of a 407 (RFC 3261 section 20.27).
	ProxyAuthenticate = msg.Header[Challenge, ChallengeCodec](msg.IDProxyAuthenticate)
	// Authorization carries the answers to WWW-Authenticate (RFC 3261 section 20.7).
	Authorization = msg.Header[Credentials, CredentialsCodec](msg.IDAuthorization)
	// ProxyAuthorization carries the answers to Proxy-Authenticate (RFC 3261 section 20.28).
	ProxyAuthorization = msg.Header[Credentials, CredentialsCodec](msg.IDProxyAuthorization)
	// AuthenticationInfo comes with the final response (RFC 3261 section 20.6).
	AuthenticationInfo = msg.Header[Info, InfoCodec](msg.IDAuthenticationInfo)
	// ProxyAuthenticationInfo is the same from a proxy (RFC 7615 section 4).
	ProxyAuthenticationInfo = msg.Header[Info, InfoCodec](msg.IDProxyAuthenticationInfo)
)

func challengeHeader(proxy bool) msg.Header[Challenge, ChallengeCodec] {
	if proxy {
		return ProxyAuthenticate
	}
	return WWWAuthenticate
}

func credentialsHeader(proxy bool) msg.Header[Credentials, CredentialsCodec] {
	if proxy {
		return ProxyAuthorization
	}
	return Authorization
}

func infoHeader(proxy bool) msg.Header[Info, InfoCodec] {
	if proxy {
		return ProxyAuthenticationInfo
	}
	return AuthenticationInfo
}
