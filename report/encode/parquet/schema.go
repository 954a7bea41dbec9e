package parquet

import (
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/schema"

	"github.com/pcapwho/pcapwho/report/table"
)

// schemaOf translates a table's schema.
func schemaOf(s *table.Schema) (*schema.GroupNode, error) {
	fields := make(schema.FieldList, len(s.Columns))
	for i, c := range s.Columns {
		var err error
		if fields[i], err = node(c.Name, c.Type, c.Nullable); err != nil {
			return nil, err
		}
	}
	return schema.NewGroupNode("schema", parquet.Repetitions.Required, fields, -1)
}

func node(name string, t table.Type, nullable bool) (schema.Node, error) {
	repetition := parquet.Repetitions.Required
	if nullable {
		repetition = parquet.Repetitions.Optional
	}
	leaf := func(l schema.LogicalType, p parquet.Type) (schema.Node, error) {
		return schema.NewPrimitiveNodeLogical(name, repetition, l, p, -1, -1)
	}
	switch t {
	case table.Int32:
		return leaf(schema.NewIntLogicalType(32, true), parquet.Types.Int32)
	case table.String:
		return leaf(schema.StringLogicalType{}, parquet.Types.ByteArray)
	case table.Bool:
		return leaf(schema.NoLogicalType{}, parquet.Types.Boolean)
	case table.Timestamp:
		return leaf(schema.NewTimestampLogicalType(true, schema.TimeUnitMicros), parquet.Types.Int64)
	case table.ProcessList:
		return list(name, repetition, table.Column{Name: "pid", Type: table.Int64}, table.Column{Name: "start_ns", Type: table.Int64, Nullable: true},
			table.Column{Name: "name", Type: table.String, Nullable: true})
	case table.Histogram:
		return list(name, repetition, table.Column{Name: "least_ns", Type: table.Int64}, table.Column{Name: "below_ns", Type: table.Int64},
			table.Column{Name: "count", Type: table.Int64})
	}
	return leaf(schema.NewIntLogicalType(64, true), parquet.Types.Int64)
}

// list is a list of structs.
func list(name string, repetition parquet.Repetition, members ...table.Column) (schema.Node, error) {
	var fields schema.FieldList
	for _, c := range members {
		node, err := node(c.Name, c.Type, c.Nullable)
		if err != nil {
			return nil, err
		}
		fields = append(fields, node)
	}
	element, err := schema.NewGroupNode("element", parquet.Repetitions.Required, fields, -1)
	if err != nil {
		return nil, err
	}
	return schema.ListOfWithName(name, element, repetition, -1)
}
