package attribute

// Connections are the connections of a result, ordered by ID. They are judged
// when they are asked for, so that millions take no memory.
type Connections struct {
	judge *judge
	made  []Connection // by ConnectionsOf
}

// ConnectionsOf returns connections that were made by hand.
func ConnectionsOf(list []Connection) Connections { return Connections{made: list} }

// Len returns how many there are.
func (c Connections) Len() int {
	if c.judge == nil {
		return len(c.made)
	}
	return len(c.judge.order)
}

// Reader reads connections in any order; each goroutine needs its own.
type Reader struct {
	connections Connections
	hearing     hearing
	connection  Connection
}

// Reader returns a new reader.
func (c Connections) Reader() *Reader {
	return &Reader{connections: c, hearing: hearing{judge: c.judge}}
}

// At returns connection i, valid until the next call.
func (r *Reader) At(i int) *Connection {
	if r.connections.judge == nil {
		return &r.connections.made[i]
	}
	r.hearing.connection(r.connections.judge.order[i], &r.connection)
	return &r.connection
}

// All calls f with every connection, valid during the call, in order.
func (c Connections) All(f func(i int, c *Connection)) {
	r := c.Reader()
	for i := range c.Len() {
		f(i, r.At(i))
	}
}

// Sent returns what each end of connection i sent, without judging more.
func (r *Reader) Sent(i int) (sent [2]Counts) {
	j := r.connections.judge
	if j == nil {
		return r.connections.made[i].Sum()
	}
	at := j.order[i]
	in := j.instance(at)
	sides := j.followers[at.follower].Sent(in)
	client := j.client(in)
	return [2]Counts{sides[client], sides[client.Other()]}
}
