package sip

import "github.com/gosofia/sofia/msg"

// The codecs know the grammar of the headers they are for: msg.Checker.

func strictly(id msg.ID, value string) error {
	if r := ruleOf(id); r != nil {
		return valid(r)(value, msg.Strict)
	}
	return nil
}

// Check implements [msg.Checker].
func (AddrCodec) Check(id msg.ID, value string) error { return strictly(id, value) }

// Check implements [msg.Checker].
func (ContactCodec) Check(id msg.ID, value string) error { return strictly(id, value) }

// Check implements [msg.Checker].
func (ItemCodec[T]) Check(id msg.ID, value string) error { return strictly(id, value) }

// Check implements [msg.Checker].
func (TextItemCodec[T]) Check(id msg.ID, value string) error { return strictly(id, value) }

// Check implements [msg.Checker].
func (DeltaCodec[T]) Check(id msg.ID, value string) error { return strictly(id, value) }

// Check implements [msg.Checker].
func (WholeCodec) Check(id msg.ID, value string) error { return strictly(id, value) }

// Check implements [msg.Checker].
func (ResourceCodec) Check(id msg.ID, value string) error { return strictly(id, value) }

// Check implements [msg.Checker].
func (LocationErrorCodec) Check(id msg.ID, value string) error { return strictly(id, value) }

// Check implements [msg.Checker].
func (ChargingCodec) Check(id msg.ID, value string) error { return strictly(id, value) }

// Check implements [msg.Checker].
func (URICodec) Check(id msg.ID, value string) error { return strictly(id, value) }

// Check implements [msg.Checker].
func (HexCodec) Check(id msg.ID, value string) error { return strictly(id, value) }

// Check implements [msg.Checker].
func (RSeqCodec) Check(id msg.ID, value string) error { return strictly(id, value) }

// Check implements [msg.Checker].
func (AckCodec) Check(id msg.ID, value string) error { return strictly(id, value) }

// Check implements [msg.Checker].
func (StarCodec[T]) Check(id msg.ID, value string) error { return strictly(id, value) }

// Check implements [msg.Checker].
func (PrivacyCodec) Check(id msg.ID, value string) error { return strictly(id, value) }

// Check implements [msg.Checker].
func (SubscribingCodec) Check(id msg.ID, value string) error { return strictly(id, value) }

// Check implements [msg.Checker].
func (DialogCodec[T]) Check(id msg.ID, value string) error { return strictly(id, value) }

// Check implements [msg.Checker].
func (SignatureCodec) Check(id msg.ID, value string) error { return strictly(id, value) }

// Check implements [msg.Checker].
func (SessionIDCodec) Check(id msg.ID, value string) error { return strictly(id, value) }

// Check implements [msg.Checker].
func (SequenceCodec) Check(id msg.ID, value string) error { return strictly(id, value) }

// Check implements [msg.Checker].
func (CallIDCodec) Check(id msg.ID, value string) error { return strictly(id, value) }

// Check implements [msg.Checker].
func (StampCodec) Check(id msg.ID, value string) error { return strictly(id, value) }

// Check implements [msg.Checker].
func (ViaCodec) Check(id msg.ID, value string) error { return strictly(id, value) }
