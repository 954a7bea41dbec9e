// Package packet reads the headers of one frame into a Packet.
package packet
