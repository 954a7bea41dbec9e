//go:build !linux

package record

import (
	"errors"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// watchTranslations: nobody tells of them here.
func watchTranslations() (<-chan translated, func() ([]connlog.NAT, error), func(), error) {
	return nil, nil, nil, errors.ErrUnsupported
}
