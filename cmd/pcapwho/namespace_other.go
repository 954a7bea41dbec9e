//go:build !linux

package main

import (
	"errors"
	"syscall"
)

// ownNamespaces: there are none here.
func ownNamespaces() []*syscall.SysProcAttr { return nil }

func raiseLoopback() error { return errors.ErrUnsupported }
