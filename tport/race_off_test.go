//go:build !race

package tport

const underRace = false
