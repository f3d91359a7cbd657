// Package own holds the key to what only the owner of a value may do with it,
// where the owner is another package of this module. Programs cannot import it, so
// that what is immutable to them stays so.
package own

// Sole is passed by a caller who vouches that nobody else has the value yet:
// neither another goroutine nor anybody who may keep it.
type Sole struct{}
