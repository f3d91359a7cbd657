package sip

// The status codes of RFC 3261 section 21 and its extensions, as in the IANA
// registry. [StatusText] returns their reason phrases.
const (
	StatusTrying                = 100
	StatusRinging               = 180
	StatusCallIsBeingForwarded  = 181
	StatusQueued                = 182
	StatusSessionProgress       = 183
	StatusEarlyDialogTerminated = 199 // RFC 6228

	StatusOK             = 200
	StatusAccepted       = 202 // RFC 6665
	StatusNoNotification = 204 // RFC 5839

	StatusMultipleChoices    = 300
	StatusMovedPermanently   = 301
	StatusMovedTemporarily   = 302
	StatusUseProxy           = 305
	StatusAlternativeService = 380

	StatusBadRequest                   = 400
	StatusUnauthorized                 = 401
	StatusPaymentRequired              = 402
	StatusForbidden                    = 403
	StatusNotFound                     = 404
	StatusMethodNotAllowed             = 405
	StatusNotAcceptable                = 406
	StatusProxyAuthenticationRequired  = 407
	StatusRequestTimeout               = 408
	StatusGone                         = 410
	StatusConditionalRequestFailed     = 412 // RFC 3903
	StatusRequestEntityTooLarge        = 413
	StatusRequestURITooLong            = 414
	StatusUnsupportedMediaType         = 415
	StatusUnsupportedURIScheme         = 416
	StatusUnknownResourcePriority      = 417 // RFC 4412
	StatusBadExtension                 = 420
	StatusExtensionRequired            = 421
	StatusSessionIntervalTooSmall      = 422 // RFC 4028
	StatusIntervalTooBrief             = 423
	StatusBadLocationInformation       = 424 // RFC 6442
	StatusUseIdentityHeader            = 428 // RFC 8224
	StatusProvideReferrerIdentity      = 429 // RFC 3892
	StatusFlowFailed                   = 430 // RFC 5626
	StatusAnonymityDisallowed          = 433 // RFC 5079
	StatusBadIdentityInfo              = 436 // RFC 8224
	StatusUnsupportedCredential        = 437 // RFC 8224
	StatusInvalidIdentityHeader        = 438 // RFC 8224
	StatusFirstHopLacksOutboundSupport = 439 // RFC 5626
	StatusMaxBreadthExceeded           = 440 // RFC 5393
	StatusBadInfoPackage               = 469 // RFC 6086
	StatusConsentNeeded                = 470 // RFC 5360
	StatusTemporarilyUnavailable       = 480
	StatusCallDoesNotExist             = 481
	StatusLoopDetected                 = 482
	StatusTooManyHops                  = 483
	StatusAddressIncomplete            = 484
	StatusAmbiguous                    = 485
	StatusBusyHere                     = 486
	StatusRequestTerminated            = 487
	StatusNotAcceptableHere            = 488
	StatusBadEvent                     = 489 // RFC 6665
	StatusRequestPending               = 491
	StatusUndecipherable               = 493
	StatusSecurityAgreementRequired    = 494 // RFC 3329

	StatusServerInternalError                 = 500
	StatusNotImplemented                      = 501
	StatusBadGateway                          = 502
	StatusServiceUnavailable                  = 503
	StatusServerTimeout                       = 504
	StatusVersionNotSupported                 = 505
	StatusMessageTooLarge                     = 513
	StatusPushNotificationServiceNotSupported = 555 // RFC 8599
	StatusPreconditionFailure                 = 580 // RFC 3312

	StatusBusyEverywhere        = 600
	StatusDecline               = 603
	StatusDoesNotExistAnywhere  = 604
	StatusNotAcceptableAnywhere = 606
	StatusUnwanted              = 607 // RFC 8197
	StatusRejected              = 608 // RFC 8688
)

// Class returns the first digit of a status code: 2 of 200. An unknown code is
// treated as the x00 code of its class (RFC 3261 section 8.1.3.2).
func (s Status) Class() int { return int(s) / 100 }

// IsFinal reports whether a status code ends a transaction: 200 and above.
func (s Status) IsFinal() bool { return s >= StatusOK && s <= 699 }

// IsSuccess reports whether a status code is 200 to 299.
func (s Status) IsSuccess() bool { return s.Class() == 2 }
