// Package connlog is the schema of the connection log.
package connlog
