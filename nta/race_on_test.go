//go:build race

package nta

const raceEnabled = true
