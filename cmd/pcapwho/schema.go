package main

import (
	"encoding/json"
	"fmt"
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

// listTables prints a line a table.
func (c *console) listTables(schemas []*table.Schema) {
	for _, s := range schemas {
		mark := " "
		if s.Default {
			mark = "*"
		}
		fmt.Fprintf(c.out, "%s %-12s %s\n", mark, s.Name, s.Doc)
	}
	fmt.Fprintln(c.out, "\n* is written where --tables names none")
}

// printTables prints a line a column.
func (c *console) printTables(schemas []*table.Schema) {
	for i, s := range schemas {
		if i > 0 {
			fmt.Fprintln(c.out)
		}
		fmt.Fprintf(c.out, "%s: %s\nsorted by %s\n\n", s.Name, s.Doc, s.Key)
		name, kind := 0, 0
		for _, col := range s.Columns {
			name, kind = max(name, len(col.Name)), max(kind, len(brief(col.Type)))
		}
		for _, col := range s.Columns {
			fmt.Fprintf(c.out, "%-*s  %-*s  %s\n", name, col.Name, kind, brief(col.Type), col.Doc)
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
