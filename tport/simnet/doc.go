// Package simnet is a virtual network.
package simnet
