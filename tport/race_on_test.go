//go:build race

package tport

// underRace: the race detector makes pools forget at random.
const underRace = true
