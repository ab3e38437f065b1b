module t(input c,a,b,e,output reg q, output r, reg l); always @(posedge c) q<=a^b&e; assign r=a|b&e; always @* if(e) l=a; endmodule
