//go:build race

package tport

// underRace: the race detector makes pools forget at random.
const underRace = true

// slack is by how much bounds of real time are wider.
const slack = 10
