//go:build race

package nua_test

// raceEnabled tells that the race detector slows everything down.
const raceEnabled = true
