//go:build !linux

package record

// entering fails: other systems have no network namespaces.
func entering(string, func() error) error {
	return &Error{Message: "network namespaces are only on Linux", Status: statusUsage}
}
