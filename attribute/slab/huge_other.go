//go:build !linux

package slab

func preferHuge([]byte) {}
