package nta

import (
	"strings"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
)

// FindLeg returns the dialog with this id, nil if there is none. A peer of RFC
// 2543 may have an empty tag.
func (a *Agent) FindLeg(callID, localTag, remoteTag string) (l *Leg) {
	a.shard(callID).run(func(s *Step) { l = s.FindLeg(callID, localTag, remoteTag) })
	return l
}

// FindLeg is [Agent.FindLeg] inside a step of the Call-ID.
func (s *Step) FindLeg(callID, localTag, remoteTag string) *Leg {
	return s.sh.legs[legKey{callID, localTag, remoteTag}]
}

// Replaced returns the dialog that an INVITE with Replaces is to take the place
// of, nil if there is none here, which is answered 481 (RFC 3891 section 3).
// Whether it may be replaced is for the caller to say: who it is, [Leg.Early] and
// [sip.Replacement.EarlyOnly]. The dialog belongs to another Call-ID than the
// INVITE: an engine calls this from [Step.Defer].
func (a *Agent) Replaced(v sip.Replacement) *Leg {
	return a.named(v.CallID, v.ToTag(), v.FromTag())
}

// Joined returns the dialog that an INVITE with Join joins, nil if there is none
// here (RFC 3911 section 4). See [Agent.Replaced].
func (a *Agent) Joined(v sip.Joining) *Leg { return a.named(v.CallID, v.ToTag(), v.FromTag()) }

// Targeted returns the dialog that Target-Dialog names, nil if there is none
// here (RFC 4538 section 4). Both tags must be there. See [Agent.Replaced].
func (a *Agent) Targeted(v sip.Target) *Leg {
	if v.LocalTag() == "" || v.RemoteTag() == "" {
		return nil
	}
	return a.FindLeg(v.CallID, v.RemoteTag(), v.LocalTag())
}

// named finds a dialog by its tags, of which 0 is also the null tag of a peer of
// RFC 2543 (RFC 3891 section 6.1, RFC 3911 section 7.1).
func (a *Agent) named(callID, local, remote string) (l *Leg) {
	a.shard(callID).run(func(s *Step) {
		for _, mine := range nullTag(local) {
			for _, theirs := range nullTag(remote) {
				if l = s.FindLeg(callID, mine, theirs); l != nil {
					return
				}
			}
		}
	})
	return l
}

func nullTag(tag string) []string {
	if tag == "0" {
		return []string{tag, ""}
	}
	return []string{tag}
}

// Early reports whether the dialog has not been confirmed by a 2xx yet. A leg
// that a response made is early until [Leg.Refresh] gets the 2xx.
func (l *Leg) Early(*Step) bool { return l.early || l.unanswered }

// Replaces returns the value that names this dialog to its peer, for an INVITE
// of another dialog that takes its place (RFC 3891). It holds no early-only.
func (l *Leg) Replaces() sip.Replacement {
	return sip.Replacement{CallID: l.key.callID, Params: l.tagParams("to-tag", "from-tag")}
}

// Join returns the value that names this dialog to its peer (RFC 3911).
func (l *Leg) Join() sip.Joining {
	return sip.Joining{CallID: l.key.callID, Params: l.tagParams("to-tag", "from-tag")}
}

// TargetDialog returns the value that names this dialog to its peer (RFC 4538).
func (l *Leg) TargetDialog() sip.Target {
	return sip.Target{CallID: l.key.callID, Params: l.tagParams("remote-tag", "local-tag")}
}

// tagParams writes both tags, 0 for the null tag.
func (l *Leg) tagParams(remote, local string) msg.Params {
	or0 := func(tag string) string {
		if tag == "" {
			return "0"
		}
		return tag
	}
	var b strings.Builder
	b.WriteString(";" + remote + "=" + or0(l.key.remote) + ";" + local + "=" + or0(l.key.local))
	return msg.Params(b.String())
}
