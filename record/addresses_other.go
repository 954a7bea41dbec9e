//go:build !linux

package record

import "errors"

// watchAddresses: nobody tells what changes here.
func watchAddresses() (<-chan notice, func(), error) { return nil, nil, errors.ErrUnsupported }
