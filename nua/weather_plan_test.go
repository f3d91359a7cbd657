package nua_test

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// kind is what a call of the weather test is about.
type kind int

const (
	talk      kind = iota // answered, hung up by either side or by both
	holding               // the same with Hold and Resume on one side or both
	refused               // refused by the callee
	given                 // given up by Cancel, at a time that may cross the answer
	abandoned             // given up by the context of Invite
	hungUp                // given up by Bye before it is answered
	declined              // the callee hangs up while it rings
	ignored               // nobody answers: AnswerTimeout
	impatient             // nobody answers: InviteTimeout
	collided              // BYE of one side crosses re-INVITE and MESSAGE of the other
	kinds
)

func (k kind) String() string {
	return [...]string{
		"talk", "holding", "refused", "given up", "abandoned", "hung up", "declined", "ignored", "impatient", "collided",
	}[k]
}

// side is one end of a call; a set of sides is a sum.
type side int

const (
	calling side = 1
	called  side = 2
	both    side = calling | called
)

func (s side) String() string { return [...]string{"nobody", "caller", "callee", "both"}[s] }

// plan is what the two users of one call will do. It is a function of the seed
// and the number of the call.
type plan struct {
	n         int
	kind      kind
	reverse   bool // bob calls alice
	offerless bool
	progress  bool // 183 with the answer in place of 180
	start     time.Duration
	ring      time.Duration // from the INVITE to 180
	answer    time.Duration // from 180 to the final response
	giveUp    time.Duration // from the INVITE to Cancel and its like
	length    time.Duration // of the conversation
	lag       time.Duration // between what collides
	status    int           // of a refusal
	messages  [2]int        // by caller and callee
	holder    side
	ender     side
}

func (p plan) String() string {
	return fmt.Sprintf("call %d: %s (reverse %t, offerless %t, progress %t, ring %v, answer %v, give up %v, length %v, lag %v, status %d, messages %v, holder %v, ender %v)",
		p.n, p.kind, p.reverse, p.offerless, p.progress, p.ring, p.answer, p.giveUp, p.length, p.lag, p.status, p.messages, p.holder, p.ender)
}

func (p plan) holds(s side) bool { return p.holder&s != 0 }
func (p plan) ends(s side) bool  { return p.ender&s != 0 }

// newPlan draws the n-th call of a seed.
func newPlan(seed uint64, n int) plan {
	r := rand.New(rand.NewPCG(seed, uint64(n)))
	upTo := func(d time.Duration) time.Duration { return time.Duration(r.Int64N(int64(d))) }
	pick := func(of ...side) side { return of[r.IntN(len(of))] }
	p := plan{
		n:         n,
		kind:      [...]kind{talk, talk, talk, talk, talk, talk, holding, holding, holding, holding, holding, refused, refused, given, given, abandoned, hungUp, declined, impatient, collided, collided}[r.IntN(21)],
		reverse:   r.IntN(2) == 0,
		offerless: r.IntN(5) == 0,
		progress:  r.IntN(4) == 0,
		start:     upTo(30 * time.Second),
		ring:      upTo(500 * time.Millisecond),
		answer:    upTo(3 * time.Second),
		giveUp:    upTo(4 * time.Second),
		length:    upTo(10 * time.Second),
		lag:       upTo(200 * time.Millisecond),
		status:    [...]int{302, 404, 480, 486, 500, 603}[r.IntN(6)],
		messages:  [2]int{max(0, r.IntN(5)-2), max(0, r.IntN(5)-2)},
		ender:     pick(calling, called, both),
	}
	switch p.kind {
	case holding:
		p.holder = pick(calling, called, both)
	case collided:
		p.ender = pick(calling, called)
		p.holder = both - p.ender
	case impatient:
		if r.IntN(2) == 0 {
			p.kind = ignored
		}
	}
	return p
}
