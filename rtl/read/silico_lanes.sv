// A memory of bytes, written and read from any byte on: one narrow memory a lane, each with its own row. What is read is there in the next clock, with
// what was written in this one.

module silico_lanes #(
  // A power of two.
  parameter int unsigned Bytes = 65536,
  parameter int unsigned WriteBytes = 32,
  parameter int unsigned ReadBytes = 32,
  localparam int unsigned Bits = $clog2(Bytes)
) (
  input  logic                    clk_i,
  input  logic                    write_i,
  input  logic [Bits-1:0]         write_at_i,
  input  logic [6:0]              write_bytes_i,
  input  logic [WriteBytes*8-1:0] write_data_i,
  input  logic [Bits-1:0]         read_at_i,
  output logic [ReadBytes*8-1:0]  data_o
);

  localparam int unsigned Lanes = WriteBytes > ReadBytes ? WriteBytes : ReadBytes;
  localparam int unsigned LaneBits = $clog2(Lanes);
  localparam int unsigned RowBits = Bits - LaneBits;

  logic [LaneBits-1:0] write_lane, read_lane, read_lane_q;
  logic [RowBits-1:0] write_row, write_next_row, read_row, read_next_row;
  logic [2*Lanes-1:0] write_twice;
  logic [Lanes-1:0] write_enable;
  logic [2*Lanes*8-1:0] data_twice, read_twice;
  logic [Lanes-1:0][7:0] write_data, lane_q;
  logic load;

  assign {write_row, write_lane} = write_at_i;
  assign {read_row, read_lane} = read_at_i;
  assign write_next_row = write_row + RowBits'(1);
  assign read_next_row = read_row + RowBits'(1);

  // Turned, so that each byte stands at its lane.
  assign write_twice = {2{Lanes'((2*Lanes)'(1) << write_bytes_i) - Lanes'(1)}} << write_lane;
  assign data_twice = {2{(Lanes*8)'(write_data_i)}} << {write_lane, 3'b000};
  assign write_enable = write_i ? write_twice[2*Lanes-1:Lanes] : '0;
  assign write_data = data_twice[2*Lanes*8-1:Lanes*8];
  assign read_twice = {2{lane_q}} >> {read_lane_q, 3'b000};
  assign data_o = read_twice[ReadBytes*8-1:0];

  // Nothing new to read, and nothing written.
  logic [Bits-1:0] read_at_q;
  assign load = write_i || read_at_i != read_at_q;

  always_ff @(posedge clk_i) begin
    read_at_q <= read_at_i;
    read_lane_q <= read_lane;
  end

  for (genvar i = 0; i < int'(Lanes); i++) begin : gen_lane
    logic [7:0] byte_q [1 << RowBits];
    logic [RowBits-1:0] row_written, row_read;
    assign row_written = i < int'(write_lane) ? write_next_row : write_row;
    assign row_read = i < int'(read_lane) ? read_next_row : read_row;

    always_ff @(posedge clk_i) begin
      if (write_enable[i]) byte_q[row_written] <= write_data[i];
      if (load) lane_q[i] <= write_enable[i] && row_written == row_read ? write_data[i] : byte_q[row_read];
    end
  end

endmodule
