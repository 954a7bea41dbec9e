package table

// Turns is the table of requests and responses, written when it is asked for.
func Turns() *Schema {
	return &Schema{Name: "turns", Key: "connection_id, then turn",
		Doc: "one request and its response, of a TCP or UDP connection, as measures.md defines them",
		Columns: columns(
			Column{"connection_id", Int64, false, "its connection"},
			Column{"turn", Int64, false, "its place in the connection, from 1"},
			Column{"frame_number", Int64, false, "its first packet"},
			Column{"requester", String, false, "who made the request: client or server"},
			instant("request_first", "first packet of the request"),
			instant("request_last", "last packet of the request"),
			instant("response_first", "first packet of the response; NULL when there is none"),
			instant("response_last", "last packet of the response; NULL when there is none"),
			Column{"request_payload_bytes", Int64, false, "payload of the request, each TCP byte once"},
			Column{"response_payload_bytes", Int64, false, "payload of the response, each TCP byte once"},
			Column{"waiting_ns", Int64, true, "from request_last_ns to response_first_ns; NULL when there is no response"},
		)}
}
