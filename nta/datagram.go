package nta

import (
	"errors"

	"github.com/gosofia/sofia/tport"
)

const (
	// narrowest is the least that any IPv6 path takes (RFC 8200 section 5), and in
	// practice any path of IPv4: what is well below it needs no question.
	narrowest = 1280
	// pathMargin is what a request stays below the path MTU, so that its response
	// fits too (RFC 3261 section 18.1.1).
	pathMargin = 200
)

// linkDatagram puts a transaction among those to its peer.
func (sh *shard) linkDatagram(tx *clientTx) {
	peer := tx.flow.Remote()
	if first := sh.peers[peer]; first != nil {
		tx.after, first.before = first, tx
	}
	sh.peers[peer] = tx
}

func (sh *shard) unlinkDatagram(tx *clientTx) {
	if tx.after != nil {
		tx.after.before = tx.before
	}
	switch peer := tx.flow.Remote(); {
	case tx.before != nil:
		tx.before.after = tx.after
	case tx.after != nil:
		sh.peers[peer] = tx.after
	default:
		delete(sh.peers, peer)
	}
	tx.before, tx.after = nil, nil
}

// datagramFailed is told that a peer cannot be reached: transactions that wait
// for its first sign of life fail (17.1.4), so that the next hop has its turn at
// once and not after Timer B or F. One that was answered knows better: such news can
// be forged. Where a router asks for smaller packets, those that may be meant go
// over TCP (18.1.1), unless that has refused them already. Another loss is what
// retransmissions are for.
func (a *Agent) datagramFailed(f *tport.Flow, err error) {
	narrow := errors.Is(err, tport.ErrTooLarge)
	if !narrow && !errors.Is(err, tport.ErrUnreachable) {
		return
	}
	peer := f.Remote()
	for _, sh := range a.shards {
		sh.mu.Lock()
		first := sh.peers[peer]
		sh.mu.Unlock()
		if first == nil {
			continue
		}
		sh.run(func(s *Step) {
			var waiting []*clientTx // failing one may begin another
			for tx := sh.peers[peer]; tx != nil; tx = tx.after {
				if tx.out != nil && !tx.out.answered && !tx.out.final && (!narrow || tx.tooLarge()) {
					waiting = append(waiting, tx)
				}
			}
			for _, tx := range waiting {
				if !tx.gone {
					tx.lost(s, err)
				}
			}
		})
	}
}

// tooLarge reports whether a router may have refused a request for its size, and
// another transport is open to it.
func (tx *clientTx) tooLarge() bool {
	o := tx.out
	return tx.flow.Proto() == tport.UDP && !o.datagram && o.cfg.Flow == nil && tx.msg != nil &&
		tx.msg.Len() > narrowest-pathMargin
}
