package ingest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"

	"github.com/ulikunitz/xz/lzma"
)

// xzStream reads one stream of an xz file (xz file format 1.2.1): a header,
// blocks of LZMA2 with a checksum each, an index, and a footer.
//
// The library's own reader of streams is not used: it makes room for whatever
// dictionary a block asks for, up to 4 GiB, and takes a stream that is cut
// between two blocks for a whole one.
type xzStream struct {
	src   *packedFile
	check byte // what kind of checksum stands behind each block

	block io.Reader // nil between two blocks
	sum   hash.Hash // nil = not verified
	start int64     // of the block's data
}

// newXZStream reads the header: magic, two bytes of flags and their CRC32.
func newXZStream(src *packedFile) (*xzStream, error) {
	b, err := take(src, 12)
	if err != nil {
		return nil, err
	}
	if b[6] != 0 || b[7] > 15 || binary.LittleEndian.Uint32(b[8:]) != crc32.ChecksumIEEE(b[6:8]) {
		return nil, errors.New("malformed stream header")
	}
	return &xzStream{src: src, check: b[7]}, nil
}

// take reads n bytes, at most 1,024, that must be there.
func take(src io.Reader, n int) ([]byte, error) {
	b := make([]byte, n)
	_, err := io.ReadFull(src, b)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return b, err
}

// Read reads what is in the blocks.
func (x *xzStream) Read(p []byte) (int, error) {
	if x.block == nil {
		if last, err := x.nextBlock(); last || err != nil {
			return 0, err
		}
	}
	n, err := x.block.Read(p)
	if x.sum != nil {
		x.sum.Write(p[:n])
	}
	if err == io.EOF {
		x.block = nil
		err = x.endBlock()
	}
	return n, err
}

// nextBlock reads a block's header, or the stream's end: then the error is
// io.EOF.
func (x *xzStream) nextBlock() (last bool, err error) {
	size, err := take(x.src, 1)
	if err != nil {
		return false, err
	}
	if size[0] == 0 {
		if err := x.end(); err != nil {
			return true, err
		}
		return true, io.EOF
	}
	rest, err := take(x.src, int(size[0])*4+3)
	if err != nil {
		return false, err
	}
	header := append(size, rest...)
	fields, sum := header[:len(header)-4], header[len(header)-4:]
	if binary.LittleEndian.Uint32(sum) != crc32.ChecksumIEEE(fields) {
		return false, errors.New("malformed block header")
	}
	dictionary, err := xzDictionary(fields[1:])
	if err != nil {
		return false, err
	}
	x.start, x.sum = x.src.offset(), xzSum(x.check)
	x.block, err = lzma.Reader2Config{DictCap: int(dictionary)}.NewReader2(x.src)
	return false, err
}

// xzDictionary returns the size of the dictionary by a block's flags, lengths
// and filters, of which only LZMA2 is known (sections 3.1 and 5.3.1).
func xzDictionary(b []byte) (int64, error) {
	in := bytes.NewReader(b)
	flags, err := in.ReadByte()
	for bit := byte(0x40); bit != 0 && err == nil; bit <<= 1 { // lengths, compressed and not
		if flags&bit != 0 {
			_, err = binary.ReadUvarint(in)
		}
	}
	filter, err2 := binary.ReadUvarint(in)
	_, err3 := in.ReadByte() // the length of its properties: 1
	code, err4 := in.ReadByte()
	switch {
	case errors.Join(err, err2, err3, err4) != nil:
		return 0, errors.New("malformed block header")
	case flags&3 != 0 || filter != 0x21:
		return 0, fmt.Errorf("%d filters, of which the first is %#x; only LZMA2 alone is read", flags&3+1, filter)
	}
	n, err := lzma.DecodeDictCap(code)
	if err == nil && n > maxWindow {
		err = fmt.Errorf("a dictionary of %d bytes, the limit is %d", n, maxWindow)
	}
	return max(n, lzma.MinDictCap), err
}

// xzSum returns what computes a checksum of the kind (section 2.1.1.2).
func xzSum(check byte) hash.Hash {
	switch check {
	case 1:
		return crc32.NewIEEE()
	case 4:
		return crc64.New(crc64.MakeTable(crc64.ECMA))
	case 10:
		return sha256.New()
	}
	return nil
}

// endBlock reads a block's padding and checksum. Those of CRC are little-endian.
func (x *xzStream) endBlock() error {
	padding := int(-(x.src.offset() - x.start) & 3)
	size := [...]int{0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64}[x.check]
	b, err := take(x.src, padding+size)
	if err != nil || x.sum == nil {
		return err
	}
	sum := x.sum.Sum(nil)
	switch s := x.sum.(type) {
	case hash.Hash32:
		binary.LittleEndian.PutUint32(sum, s.Sum32())
	case hash.Hash64:
		binary.LittleEndian.PutUint64(sum, s.Sum64())
	}
	if !bytes.Equal(sum, b[padding:]) {
		return errors.New("the checksum of a block differs")
	}
	return nil
}

// end reads the index behind its first byte, and the footer (sections 4 and
// 2.1.2). Their lengths say nothing that was not read; their checksums count.
func (x *xzStream) end() error {
	in := &summed{src: x.src, sum: crc32.ChecksumIEEE([]byte{0}), n: 1}
	records, err := binary.ReadUvarint(in)
	for range 2 * records {
		if err != nil {
			break
		}
		_, err = binary.ReadUvarint(in)
	}
	for in.n&3 != 0 && err == nil {
		_, err = in.ReadByte()
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	b, err := take(x.src, 4+12)
	if err != nil {
		return err
	}
	if binary.LittleEndian.Uint32(b) != in.sum || string(b[14:]) != "YZ" ||
		binary.LittleEndian.Uint32(b[4:]) != crc32.ChecksumIEEE(b[8:14]) {
		return errors.New("malformed index or footer")
	}
	return nil
}

// summed reads bytes, counts them and adds them to a CRC32.
type summed struct {
	src io.ByteReader
	sum uint32
	n   int
}

func (s *summed) ReadByte() (byte, error) {
	b, err := s.src.ReadByte()
	if err == nil {
		s.n++
		s.sum = crc32.Update(s.sum, crc32.IEEETable, []byte{b})
	}
	return b, err
}
