package tport

import "sync"

const (
	encoderSize = 2 << 10
	inputSize   = 16 << 10
	// keepSize is the largest buffer worth keeping for another message.
	keepSize = 64 << 10
)

type buffer struct{ b []byte }

// bufferPool lends buffers for the moment that octets are in hand; nothing
// that waits keeps one.
type bufferPool struct{ *sync.Pool }

func newBufferPool(size int) bufferPool {
	return bufferPool{&sync.Pool{New: func() any { return &buffer{make([]byte, size)} }}}
}

func (p bufferPool) get() *buffer { return p.Get().(*buffer) }

func (p bufferPool) put(b *buffer) {
	if cap(b.b) <= keepSize {
		b.b = b.b[:cap(b.b)]
		p.Put(b)
	}
}
