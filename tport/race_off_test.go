//go:build !race

package tport

const underRace = false

// slack is by how much bounds of real time are wider.
const slack = 3 // for a machine that does other things, too
