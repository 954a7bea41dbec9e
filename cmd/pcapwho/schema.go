package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/pcapwho/pcapwho/report/table"
)

func schemaCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:      "schema",
		Usage:     "print the tables of a result and their columns",
		UsageText: "pcapwho schema [TABLE…] [flags]",
		Description: "Without a name the tables are listed.\n\n" +
			"pcapwho schema connections",
		Flags: append(consoleFlags(), &cli.BoolFlag{Name: "json", Usage: "print JSON", DisableDefaultText: true}),
		Action: func(ctx *cli.Context) error {
			if err := c.configure(ctx); err != nil {
				return err
			}
			schemas := table.All()
			if ctx.NArg() > 0 {
				schemas = nil
			}
			for _, name := range ctx.Args().Slice() {
				s := table.Lookup(name)
				if s == nil {
					return usagef("pcapwho schema lists them", "there is no table %q", name)
				}
				schemas = append(schemas, s)
			}
			switch {
			case ctx.Bool("json"):
				return json.NewEncoder(c.out).Encode(describe(schemas))
			case ctx.NArg() == 0:
				c.listTables(schemas)
			default:
				c.printTables(schemas)
			}
			return nil
		},
	}
}

// schemaColumns returns how wide a schema is printed, and where descriptions begin that
// stand behind names of so many columns.
func (c *console) schemaColumns(names int) (begin, columns int) {
	if columns = width(c.out); columns == 0 {
		return names, math.MaxInt32
	}
	if names > columns/2 { // below the names
		names = 8
	}
	return names, max(columns-1, 40)
}

// listTables prints what each table is.
func (c *console) listTables(schemas []*table.Schema) {
	begin, columns := c.schemaColumns(15)
	for _, s := range schemas {
		mark := " "
		if s.Default {
			mark = "*"
		}
		io.WriteString(c.out, hang(mark+" "+s.Name, s.Doc, begin, columns))
	}
	fmt.Fprintln(c.out, "\n* is written where --tables names none")
}

// printTables prints what each column is.
func (c *console) printTables(schemas []*table.Schema) {
	for i, s := range schemas {
		if i > 0 {
			fmt.Fprintln(c.out)
		}
		_, columns := c.schemaColumns(0)
		io.WriteString(c.out, hang(s.Name+":", s.Doc, len(s.Name)+2, columns)+hang("sorted by", s.Key, len("sorted by "), columns)+"\n")
		name, kind := 0, 0
		for _, col := range s.Columns {
			name, kind = max(name, len(col.Name)), max(kind, len(brief(col.Type)))
		}
		begin, columns := c.schemaColumns(name + kind + 4)
		for _, col := range s.Columns {
			io.WriteString(c.out, hang(fmt.Sprintf("%-*s  %s", name, col.Name, brief(col.Type)), col.Doc, begin, columns))
		}
	}
}

// brief names a type in a word.
func brief(t table.Type) string {
	word, _, _ := strings.Cut(t.String(), "<")
	word, _, _ = strings.Cut(word, "[")
	return word
}

// tableDescription is a table in JSON.
type tableDescription struct {
	Name    string              `json:"name"`
	Doc     string              `json:"doc"`
	Key     string              `json:"sorted_by"`
	Default bool                `json:"default"`
	Columns []columnDescription `json:"columns"`
}

type columnDescription struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Nullable bool   `json:"nullable"`
	Doc      string `json:"doc"`
}

func describe(schemas []*table.Schema) []tableDescription {
	var list []tableDescription
	for _, s := range schemas {
		d := tableDescription{Name: s.Name, Doc: s.Doc, Key: s.Key, Default: s.Default}
		for _, col := range s.Columns {
			d.Columns = append(d.Columns, columnDescription{col.Name, col.Type.String(), col.Nullable, col.Doc})
		}
		list = append(list, d)
	}
	return list
}
