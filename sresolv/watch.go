package sresolv

import (
	"io"
	"io/fs"
	"sync/atomic"
	"time"
)

// maxFile bounds the files that are read.
const maxFile = 1 << 20

// watched is a file that is parsed again when it has changed.
type watched[T any] struct {
	path  string
	open  func(string) (fs.File, error)
	parse func([]byte) T
	slot  chan struct{} // a lock that can be waited for in a bubble of synctest
	now   atomic.Pointer[version[T]]
}

// version is one state of the file.
type version[T any] struct {
	value   T
	checked time.Time // when it was last looked at
	changed time.Time // its time of modification
	size    int64
}

func watch[T any](path string, open func(string) (fs.File, error), parse func([]byte) T) *watched[T] {
	return &watched[T]{path: path, open: open, parse: parse, slot: make(chan struct{}, 1)}
}

// known returns what the file said when it was last read, without reading it.
func (w *watched[T]) known() (value T, ok bool) {
	if v := w.now.Load(); v != nil {
		return v.value, true
	}
	return value, false
}

// get returns what the file says. It looks at the file once a second at most.
// A file that cannot be read is empty at first, and later as it was.
func (w *watched[T]) get() T {
	fresh := func() *version[T] {
		if v := w.now.Load(); v != nil && time.Since(v.checked) < time.Second {
			return v
		}
		return nil
	}
	if v := fresh(); v != nil {
		return v.value
	}
	w.slot <- struct{}{}
	defer func() { <-w.slot }()
	if v := fresh(); v != nil {
		return v.value
	}
	next := version[T]{checked: time.Now()}
	old := w.now.Load()
	if old != nil {
		next.value, next.changed, next.size = old.value, old.changed, old.size
	}
	if b, changed, size, ok := w.read(old); ok {
		next.value, next.changed, next.size = w.parse(b), changed, size
	} else if old == nil {
		next.value = w.parse(nil)
	}
	w.now.Store(&next)
	return next.value
}

// read returns the content if it is not the one known.
func (w *watched[T]) read(old *version[T]) (b []byte, changed time.Time, size int64, ok bool) {
	if w.path == "-" {
		return nil, changed, 0, false
	}
	f, err := w.open(w.path)
	if err != nil {
		return nil, changed, 0, false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || old != nil && info.ModTime().Equal(old.changed) && info.Size() == old.size {
		return nil, changed, 0, false
	}
	b, err = io.ReadAll(io.LimitReader(f, maxFile))
	return b, info.ModTime(), info.Size(), err == nil
}
