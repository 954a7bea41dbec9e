package decode

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/pcapwho/pcapwho/report/table"
)

// csvRows reads a file of CSV. Empty text is NULL there.
type csvRows struct {
	file    *csv.Reader
	columns []table.Column
	places  []int // of each column in the file; -1 = it has none
}

func openCSV(f *os.File, s *table.Schema) (reader, error) {
	r := csv.NewReader(f)
	r.ReuseRecord = true
	head, err := r.Read()
	if err != nil {
		return nil, ended(err)
	}
	c := &csvRows{file: r, columns: s.Columns}
	for _, column := range s.Columns {
		c.places = append(c.places, slices.Index(head, column.Name))
	}
	return c, nil
}

// ended is the error of a file that ends before its first line does.
func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (c *csvRows) close() error { return nil }

func (c *csvRows) next(columns []table.Values) (n int, err error) {
	for ; n < maxRows; n++ {
		record, err := c.file.Read()
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return 0, err
		}
		for i, place := range c.places {
			cell := ""
			if place >= 0 {
				cell = record[place]
			}
			if err := appendText(&columns[i], c.columns[i].Type, cell); err != nil {
				line, _ := c.file.FieldPos(place)
				return 0, fmt.Errorf("line %d, column %s: %w", line, c.columns[i].Name, err)
			}
		}
	}
	return n, nil
}

// appendText appends a cell, "" = NULL.
func appendText(to *table.Values, t table.Type, cell string) (err error) {
	to.Valid = append(to.Valid, cell != "")
	switch t {
	case table.String:
		to.Strings = append(to.Strings, strings.Clone(text(unquoted(cell))))
	case table.Bool:
		if cell != "" && cell != "true" && cell != "false" {
			err = fmt.Errorf("%.60q is neither true nor false", cell)
		}
		to.Bools = append(to.Bools, cell == "true")
	default:
		n := int64(0)
		if cell != "" {
			if n, err = strconv.ParseInt(cell, 10, 64); err != nil {
				err = fmt.Errorf("%.60q is no integer", cell)
			}
		}
		to.Ints = append(to.Ints, n)
	}
	return err
}

// unquoted takes the apostrophe off that the encoder puts before what a spreadsheet
// would take for a formula.
func unquoted(cell string) string {
	rest, ok := strings.CutPrefix(cell, "'")
	if inner := strings.TrimLeft(rest, "' \t\r\n"); ok && inner != "" && strings.IndexByte("=+-@", inner[0]) >= 0 {
		return rest
	}
	return cell
}
